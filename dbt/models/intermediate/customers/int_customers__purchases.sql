with customers as (
    select
        person_id, coalesce(currency_code, 'XXX') as currency_code
    from {{ ref('dim_people') }}
    where orders_count > 0
),

days as (
    select
        orders.person_id,
        cast(orders.ordered_at as date) as day,
        sum(case when coalesce(orders.currency_code, 'XXX') = customers.currency_code then orders.net_cents else 0 end)
            as net_cents
    from {{ ref('fct_orders') }} as orders
    inner join customers on orders.person_id = customers.person_id
    where {{ counts_as_order('orders.status') }}
    group by orders.person_id, cast(orders.ordered_at as date)
),

summed as (
    select
        person_id,
        count(*) as purchase_days,
        min(day) as first_day,
        max(day) as last_day,
        sum(case when net_cents > 0 then 1 else 0 end) as paid_days,
        sum(case when net_cents > 0 then net_cents else 0 end) as paid_cents
    from days
    group by person_id
)

select
    summed.person_id,
    customers.currency_code,
    summed.purchase_days - 1 as frequency,
    cast(round((summed.last_day - summed.first_day) / 7.0, 0) as bigint) as recency_weeks,
    cast(greatest(
        round((cast({{ workspace_now() }} as date) - summed.first_day) / 7.0, 0),
        round((summed.last_day - summed.first_day) / 7.0, 0)
    ) as bigint) as age_weeks,
    summed.paid_days,
    summed.paid_cents * 1.0 / nullif(summed.paid_days, 0) as mean_cents
from summed
inner join customers on summed.person_id = customers.person_id
