{{ config(tags=['hot']) }}

with source as (
    {{ newest_records(source('raw', 'shopify_abandoned_checkouts')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'name': 'VARCHAR', 'createdAt': 'VARCHAR', 'updatedAt': 'VARCHAR',
            'completedAt': 'VARCHAR', 'abandonedCheckoutUrl': 'VARCHAR', 'customer': {'id': 'VARCHAR'},
            'customAttributes': [{'key': 'VARCHAR', 'value': 'VARCHAR'}],
            'totalPriceSet': {'shopMoney': {'amount': 'VARCHAR', 'currencyCode': 'VARCHAR'}},
            'lineItems': {'nodes': [{
                'id': 'VARCHAR', 'title': 'VARCHAR', 'quantity': 'INTEGER', 'sku': 'VARCHAR',
                'originalUnitPriceSet': {'shopMoney': {'amount': 'VARCHAR'}}, 'product': {'id': 'VARCHAR'}
            }]}
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        {{ shopify_number('document.id') }} as checkout_id,
        nullif(split_part(split_part(document.abandonedCheckoutUrl, '/checkouts/ac/', 2), '/', 1), '') as cart_id,
        {{ shopify_number('document.customer.id') }} as customer_id,
        'shopify:' || {{ shopify_number('document.customer.id') }} as contact_key,
        {{ list_lookup('document.customAttributes', 'client_id') }} as client_id,
        {{ utc_timestamp('document.createdAt') }} as created_at,
        {{ utc_timestamp('document.updatedAt') }} as updated_at,
        {{ utc_timestamp('document.completedAt') }} as completed_at,
        document.abandonedCheckoutUrl as recovery_url,
        {{ cents('document.totalPriceSet.shopMoney.amount') }} as total_cents,
        document.totalPriceSet.shopMoney.currencyCode as currency_code,
        {{ list_total('document.lineItems.nodes', 'item.quantity') }} as item_count,
        document.lineItems.nodes as line_items
    from parsed
)

select * from renamed
