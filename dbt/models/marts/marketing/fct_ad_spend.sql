with meta as (
    select
        record_id, spend_date, 'meta' as platform, campaign, spend_cents, currency_code, impressions_count,
        clicks_count
    from {{ ref('stg_meta__ad_insights') }}
),

linkedin as (
    select
        record_id, spend_date, 'linkedin' as platform, campaign, spend_cents, currency_code, impressions_count,
        clicks_count
    from {{ ref('stg_linkedin__ad_analytics') }}
),

google as (
    select
        record_id, spend_date, source as platform, campaign, spend_cents, currency_code, impressions_count,
        clicks_count
    from {{ ref('stg_ga4__ad_costs') }}
    where
        source not in ('facebook', 'instagram', 'meta', 'linkedin')
        or (source in ('facebook', 'instagram', 'meta') and not exists (select 1 from meta))
        or (source = 'linkedin' and not exists (select 1 from linkedin))
),

unioned as (
    select * from meta
    union all
    select * from linkedin
    union all
    select * from google
)

select
    spend_date,
    platform,
    coalesce(campaign, '(none)') as campaign,
    coalesce(currency_code, 'XXX') as currency_code,
    cast(sum(spend_cents) as bigint) as spend_cents,
    cast(sum(impressions_count) as bigint) as impressions,
    cast(sum(clicks_count) as bigint) as clicks
from unioned
where spend_date is not null
group by spend_date, platform, coalesce(campaign, '(none)'), coalesce(currency_code, 'XXX')
