with source as (
    {{ newest_records(source('raw', 'shopify_products')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'title': 'VARCHAR', 'productType': 'VARCHAR', 'vendor': 'VARCHAR', 'status': 'VARCHAR',
            'onlineStoreUrl': 'VARCHAR',
            'featuredMedia': {'preview': {'image': {'url': 'VARCHAR', 'altText': 'VARCHAR'}}},
            'variants': {'nodes': [{'id': 'VARCHAR', 'sku': 'VARCHAR', 'price': 'VARCHAR'}]}
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        {{ shopify_number('document.id') }} as source_product_id,
        document.title as title,
        nullif(document.productType, '') as category,
        nullif(document.vendor, '') as brand,
        lower(document.status) as status,
        document.onlineStoreUrl as url,
        document.featuredMedia.preview.image.url as image_url,
        document.variants.nodes[1].sku as sku,
        {{ cents('document.variants.nodes[1].price') }} as price_cents
    from parsed
)

select * from renamed
