{{ config(
    materialized='incremental', unique_key='order_id', tags=['hot'],
    post_hook="{{ forget_lines('order_id', [('stg_shopify__orders', \"'shopify:' || source_order_id\"), ('stg_woocommerce__orders', \"'woocommerce:' || source_order_id\")]) }}"
) }}

with lines as (
    select * from {{ ref('int_commerce__order_lines') }}
    {%- if is_incremental() %}
    where order_id in (
        select changed.order_id from {{ ref('int_commerce__order_lines') }} as changed
        where changed._build > {{ last_build() }}
    )
    {%- endif %}
)

select
    order_id || ':' || line_number as order_line_id,
    order_id,
    source,
    line_number,
    product_id,
    sku,
    title,
    quantity,
    unit_price_cents,
    amount_cents,
    currency_code,
    kind,
    {{ this_build() }} as _build
from lines
