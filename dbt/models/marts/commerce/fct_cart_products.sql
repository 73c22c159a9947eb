{{ config(materialized='view') }}

with lines as (
    select * from {{ ref('fct_cart_lines') }}
),

carts as (
    select
        cart_id, person_id, last_touched_at, status
    from {{ ref('fct_carts') }}
),

products as (
    select
        product_id, title, category, brand
    from {{ ref('dim_products') }}
)

select
    lines.cart_id,
    lines.line_number,
    carts.person_id,
    carts.last_touched_at,
    carts.status,
    lines.product_id,
    lines.sku,
    coalesce(products.title, lines.title) as title,
    products.category,
    products.brand,
    lines.quantity,
    lines.unit_price_cents,
    lines.currency_code
from lines
inner join carts on lines.cart_id = carts.cart_id
left join products on lines.product_id = products.product_id
