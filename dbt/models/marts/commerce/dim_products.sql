with shopify as (
    select
        'shopify:' || source_product_id as product_id, 'shopify' as source, source_product_id, sku, title, category,
        brand, status, price_cents, url, image_url
    from {{ ref('stg_shopify__products') }}
),

woocommerce as (
    select
        'woocommerce:' || source_product_id as product_id, 'woocommerce' as source, source_product_id, sku, title,
        category, brand, status, price_cents, url, image_url
    from {{ ref('stg_woocommerce__products') }}
),

imported as (
    select
        'import:' || sku as product_id, 'import' as source, sku as source_product_id, sku,
        {{ first_by('title', 'recency') }} as title,
        null as category, null as brand, 'active' as status,
        {{ first_by('unit_price_cents', 'recency') }} as price_cents,
        null as url, null as image_url
    from (
        select
            sku, title, unit_price_cents,
            row_number() over (partition by sku order by ordered_at desc, record_id desc) as recency
        from {{ ref('stg_import__order_lines') }}
        where sku is not null and kind = 'sale'
    ) as sold
    group by sku
),

unioned as (
    select * from shopify
    union all
    select * from woocommerce
    union all
    select * from imported
),

currencies as (
    select
        source,
        {{ first_by('currency_code', '-orders_count') }} as currency_code
    from (
        select
            source, currency_code, count(*) as orders_count
        from {{ ref('int_commerce__orders') }}
        group by source, currency_code
    ) as counted
    group by source
)

select
    unioned.product_id,
    unioned.source,
    unioned.source_product_id,
    unioned.sku,
    unioned.title,
    unioned.category,
    unioned.brand,
    unioned.status,
    unioned.price_cents,
    currencies.currency_code,
    unioned.url,
    unioned.image_url
from unioned
left join currencies on unioned.source = currencies.source
