with visits as (
    select
        cast(started_at as date) as day,
        coalesce(channel, 'unknown') as channel,
        device,
        browser,
        country_code,
        count(*) as visits_count,
        count(person_id) as known_visits_count,
        sum(page_views) as page_views_count,
        sum(engagement_seconds) as engagement_seconds
    from {{ ref('fct_visits') }}
    where started_at is not null
    group by 1, 2, 3, 4, 5
),

conversions as (
    select
        cast(touched_at as date) as day,
        channel,
        device,
        browser,
        country_code,
        sum(case when kind = 'order' then 1 else 0 end) as orders_count,
        sum(case when kind = 'lead' then 1 else 0 end) as leads_count
    from {{ ref('fct_touches') }}
    where touch_kind = 'visit' and touch_number = touches_count and kind in ('order', 'lead')
    group by 1, 2, 3, 4, 5
)

select
    visits.day,
    visits.channel,
    visits.device,
    visits.browser,
    visits.country_code,
    visits.visits_count,
    visits.known_visits_count,
    cast(visits.page_views_count as bigint) as page_views_count,
    cast(visits.engagement_seconds as double) as engagement_seconds,
    cast(coalesce(conversions.orders_count, 0) as bigint) as orders_count,
    cast(coalesce(conversions.leads_count, 0) as bigint) as leads_count
from visits
left join conversions
    on
        visits.day = conversions.day and visits.channel = conversions.channel
        and visits.device is not distinct from conversions.device
        and visits.browser is not distinct from conversions.browser
        and visits.country_code is not distinct from conversions.country_code
