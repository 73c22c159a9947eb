with shopify as (
    select
        orders.contact_key, orders.email, orders.phone, null as first_name, null as last_name,
        null as company_name, orders.country_code as country, orders.city, null as external_id, orders.ordered_at,
        orders._build
    from {{ ref('stg_shopify__orders') }} as orders
    left join {{ ref('stg_shopify__customers') }} as customers on orders.contact_key = customers.contact_key
    where orders.contact_key is not null and customers.contact_key is null
),

woocommerce as (
    select
        orders.contact_key, orders.email, orders.phone, orders.first_name, orders.last_name, orders.company_name,
        orders.country_code as country, orders.city, null as external_id, orders.ordered_at, orders._build
    from {{ ref('stg_woocommerce__orders') }} as orders
    left join {{ ref('stg_woocommerce__customers') }} as customers on orders.contact_key = customers.contact_key
    where orders.contact_key is not null and customers.contact_key is null
),

imported as (
    select
        contact_key, email, null as phone, null as first_name, null as last_name, null as company_name, country,
        null as city, customer_id as external_id, ordered_at, _build
    from {{ ref('stg_import__order_lines') }}
    where contact_key is not null
),

unioned as (
    select * from shopify
    union all
    select * from woocommerce
    union all
    select * from imported
)

select
    *,
    -{{ seconds_of('ordered_at') }} as recency
from unioned
