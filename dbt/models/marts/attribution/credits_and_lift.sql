with credits as (
    select
        campaign_id,
        model,
        currency_code,
        sum(credit) as credited_conversions,
        sum(credited_cents) as credited_cents
    from {{ ref('hourly_credits') }}
    where kind = 'order' and campaign_id is not null
    group by campaign_id, model, currency_code
)

select
    credits.campaign_id,
    credits.model,
    credits.credited_conversions,
    cast(credits.credited_cents as bigint) as credited_cents,
    credits.currency_code,
    summary.conversions_count,
    summary.incremental_conversions,
    summary.incremental_conversions_low,
    summary.incremental_conversions_high,
    summary.spend_cents,
    credits.credited_conversions - summary.incremental_conversions as credited_beyond_lift
from credits
inner join {{ ref('campaign_summary') }} as summary on credits.campaign_id = summary.campaign_id
