{{ config(tags=['hot']) }}

select
    date_trunc('hour', started_at) as hour_at,
    channel,
    device,
    count(*) as visits_count,
    cast(sum(page_views) as bigint) as page_views_count,
    cast(sum(engagement_seconds) as double) as engagement_seconds
from {{ ref('fct_visits') }}
where started_at is not null
group by 1, 2, 3
