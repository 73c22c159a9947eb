{{ config(materialized='view') }}

with lines as (
    select * from {{ ref('fct_order_lines') }}
    where kind = 'sale'
),

orders as (
    select
        order_id, person_id, ordered_at, status
    from {{ ref('fct_orders') }}
    where {{ counts_as_order('status') }}
),

products as (
    select
        product_id, title, category, brand
    from {{ ref('dim_products') }}
)

select
    lines.order_line_id,
    lines.order_id,
    orders.person_id,
    orders.ordered_at,
    lines.product_id,
    lines.sku,
    coalesce(products.title, lines.title) as title,
    products.category,
    products.brand,
    lines.quantity,
    lines.unit_price_cents,
    lines.amount_cents,
    lines.currency_code,
    lines.source
from lines
inner join orders on lines.order_id = orders.order_id
left join products on lines.product_id = products.product_id
