with orders as (
    select
        order_id,
        person_id,
        ordered_at,
        net_cents,
        currency_code,
        row_number() over (partition by person_id order by ordered_at, order_id) as order_number
    from {{ ref('fct_orders') }}
    where {{ counts_as_order('status') }}
)

select
    'order:' || order_id as conversion_id,
    'order' as kind,
    person_id,
    ordered_at as converted_at,
    net_cents as value_cents,
    currency_code,
    person_id is not null and order_number = 1 as is_new_customer
from orders
union all
select
    'lead:' || lead_key as conversion_id,
    'lead' as kind,
    person_id,
    created_at as converted_at,
    cast(0 as bigint) as value_cents,
    cast(null as varchar) as currency_code,
    false as is_new_customer
from {{ ref('fct_leads') }}
union all
select
    'deal:' || deal_id as conversion_id,
    'deal' as kind,
    person_id,
    closed_at as converted_at,
    coalesce(amount_cents, 0) as value_cents,
    currency_code,
    false as is_new_customer
from {{ ref('fct_deals') }}
where outcome = 'won' and closed_at is not null
