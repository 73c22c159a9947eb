{{ config(tags=['hot']) }}

with named as (
    select
        campaign_id,
        {{ slug_of('campaign_name') }} as slug,
        coalesce(started_at, starts_at, updated_at) as began_at
    from {{ ref('dim_campaigns') }}
),

ranked as (
    select
        named.*,
        row_number() over (partition by slug order by began_at desc, campaign_id desc) as name_rank
    from named
    where slug is not null
)

select
    slug, campaign_id
from ranked
where name_rank = 1
