with shopify as (
    select
        'shopify:' || lines.source_order_id as order_id, 'shopify' as source, lines.line_number,
        'shopify:' || {{ shopify_number('lines.item.product.id') }} as product_id,
        nullif(lines.item.sku, '') as sku, lines.item.title as title, lines.item.quantity as quantity,
        {{ cents('lines.item.originalUnitPriceSet.shopMoney.amount') }} as unit_price_cents,
        {{ line_cents('lines.item.quantity', 'lines.item.originalUnitPriceSet.shopMoney.amount') }} as amount_cents,
        lines.currency_code, 'sale' as kind, lines._build
    from {{ unnest_list(ref('stg_shopify__orders'), 'line_items') }} as lines
),

woocommerce as (
    select
        'woocommerce:' || lines.source_order_id as order_id, 'woocommerce' as source, lines.line_number,
        'woocommerce:' || nullif(lines.item.product_id, '0') as product_id,
        nullif(lines.item.sku, '') as sku, lines.item.name as title, lines.item.quantity as quantity,
        cast(round(
            {{ safe_cast('coalesce(lines.item.subtotal, lines.item.total)', 'decimal(18,4)') }} * 100
            / nullif(lines.item.quantity, 0), 0
        ) as bigint) as unit_price_cents,
        {{ cents('coalesce(lines.item.subtotal, lines.item.total)') }} as amount_cents,
        lines.currency_code, 'sale' as kind, lines._build
    from {{ unnest_list(ref('stg_woocommerce__orders'), 'line_items') }} as lines
),

imported as (
    select
        'import:' || source_order_id as order_id, 'import' as source, line_number,
        'import:' || sku as product_id, sku, title, quantity, unit_price_cents, amount_cents, currency_code, kind,
        _build
    from {{ ref('stg_import__order_lines') }}
)

select * from shopify
union all
select * from woocommerce
union all
select * from imported
