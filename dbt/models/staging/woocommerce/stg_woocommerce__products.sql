with source as (
    {{ newest_records(source('raw', 'woocommerce_products')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'name': 'VARCHAR', 'sku': 'VARCHAR', 'price': 'VARCHAR', 'status': 'VARCHAR',
            'permalink': 'VARCHAR', 'categories': [{'name': 'VARCHAR'}], 'images': [{'src': 'VARCHAR'}]
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.id as source_product_id,
        document.name as title,
        document.categories[1].name as category,
        cast(null as varchar) as brand,
        lower(document.status) as status,
        document.permalink as url,
        document.images[1].src as image_url,
        nullif(document.sku, '') as sku,
        {{ cents("nullif(document.price, '')") }} as price_cents
    from parsed
)

select * from renamed
