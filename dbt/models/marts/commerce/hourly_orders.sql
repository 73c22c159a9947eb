{{ config(tags=['hot']) }}

select
    date_trunc('hour', ordered_at) as hour_at,
    source,
    status,
    currency_code,
    count(*) as orders_count,
    cast(sum(net_cents) as bigint) as net_cents,
    cast(sum(refunded_cents) as bigint) as refunded_cents,
    cast(sum(discount_cents) as bigint) as discount_cents
from {{ ref('fct_orders') }}
where ordered_at is not null
group by 1, 2, 3, 4
