{{ config(
    materialized='incremental', unique_key='cart_id', tags=['hot'],
    post_hook="{{ forget_lines('cart_id', [('stg_shopify__abandoned_checkouts', 'cart_id')]) }}"
) }}

with checkouts as (
    select
        cart_id, currency_code, line_items
    from {{ ref('stg_shopify__abandoned_checkouts') }}
    where
        record_id in (select record_id from {{ ref('fct_carts') }})
        {%- if is_incremental() %}
        and _build > {{ last_build() }}
        {%- endif %}
),

lines as (
    select
        cart_id,
        line_number,
        'shopify:' || {{ shopify_number('item.product.id') }} as product_id,
        nullif(item.sku, '') as sku,
        item.title as title,
        item.quantity as quantity,
        {{ cents('item.originalUnitPriceSet.shopMoney.amount') }} as unit_price_cents,
        currency_code
    from {{ unnest_list('checkouts', 'line_items') }} as unnested
),

products as (
    select
        product_id, image_url
    from {{ ref('dim_products') }}
)

select
    lines.cart_id,
    lines.line_number,
    lines.product_id,
    lines.sku,
    lines.title,
    lines.quantity,
    lines.unit_price_cents,
    lines.currency_code,
    products.image_url,
    {{ this_build() }} as _build
from lines
left join products on lines.product_id = products.product_id
