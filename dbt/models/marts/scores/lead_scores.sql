{{ config(materialized='view', tags=['hot']) }}

with sums as (
    select
        person_id,
        sum(points_now) as score,
        count(*) as entries_count,
        max(occurred_at) as last_activity_at
    from {{ ref('fct_score_points') }}
    group by person_id
),

bands as (
    select * from {{ ref('score_bands') }}
),

scored as (
    select
        leads.lead_id,
        leads.person_id,
        leads.email,
        leads.status,
        leads.assigned_to,
        leads.created_at,
        cast(coalesce(sums.score, 0) as decimal(18, 2)) as score,
        cast(coalesce(sums.entries_count, 0) as bigint) as entries_count,
        sums.last_activity_at
    from {{ ref('dim_leads') }} as leads
    left join sums on leads.person_id = sums.person_id
    where leads.person_id is not null
)

select
    scored.lead_id,
    scored.person_id,
    scored.email,
    scored.score,
    cast(round(scored.score, 0) as bigint) as lead_score,
    case
        when scored.score >= (select min(bands.over) from bands where bands.band = 'hot') then 'hot'
        when scored.score >= (select min(bands.over) from bands where bands.band = 'warm') then 'warm'
        else 'cold'
    end as band,
    scored.score > (select min(bands.over) from bands where bands.band = 'mql') as is_mql,
    scored.entries_count,
    scored.last_activity_at,
    scored.status,
    scored.assigned_to,
    scored.created_at,
    {{ workspace_now() }} as scored_at
from scored
