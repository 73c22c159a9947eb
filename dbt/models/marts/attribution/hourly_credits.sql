select
    date_trunc('hour', converted_at) as hour_at,
    kind,
    model,
    channel,
    campaign_id,
    coalesce(currency_code, 'XXX') as currency_code,
    count(distinct conversion_id) as conversions_touched_count,
    sum(credit) as credit,
    sum(case when is_new_customer then credit else 0 end) as new_customers_credit,
    cast(sum(credited_cents) as bigint) as credited_cents
from {{ ref('fct_credits') }}
group by 1, 2, 3, 4, 5, 6
