{{ config(tags=['hot']) }}

with source as (
    {{ newest_records(source('raw', 'shopify_orders')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'name': 'VARCHAR', 'createdAt': 'VARCHAR', 'updatedAt': 'VARCHAR',
            'cancelledAt': 'VARCHAR', 'email': 'VARCHAR', 'phone': 'VARCHAR', 'currencyCode': 'VARCHAR',
            'checkoutToken': 'VARCHAR', 'customerLocale': 'VARCHAR', 'discountCodes': ['VARCHAR'],
            'customer': {'id': 'VARCHAR'}, 'customAttributes': [{'key': 'VARCHAR', 'value': 'VARCHAR'}],
            'totalPriceSet': {'shopMoney': {'amount': 'VARCHAR'}},
            'totalDiscountsSet': {'shopMoney': {'amount': 'VARCHAR'}},
            'totalRefundedSet': {'shopMoney': {'amount': 'VARCHAR'}},
            'displayFinancialStatus': 'VARCHAR',
            'lineItems': {'nodes': [{
                'id': 'VARCHAR', 'title': 'VARCHAR', 'quantity': 'INTEGER', 'sku': 'VARCHAR',
                'originalUnitPriceSet': {'shopMoney': {'amount': 'VARCHAR'}}, 'product': {'id': 'VARCHAR'}
            }]},
            'refunds': [{'id': 'VARCHAR', 'totalRefundedSet': {'shopMoney': {'amount': 'VARCHAR'}}}],
            'shippingAddress': {'countryCodeV2': 'VARCHAR', 'city': 'VARCHAR', 'zip': 'VARCHAR'}
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        {{ shopify_number('document.id') }} as source_order_id,
        document.name as order_name,
        {{ shopify_number('document.customer.id') }} as customer_id,
        {{ normal_email('document.email') }} as email,
        nullif(trim(document.phone), '') as phone,
        {{ utc_timestamp('document.createdAt') }} as ordered_at,
        {{ utc_timestamp('document.updatedAt') }} as updated_at,
        {{ utc_timestamp('document.cancelledAt') }} as cancelled_at,
        document.currencyCode as currency_code,
        nullif(document.checkoutToken, '') as cart_id,
        {{ list_lookup('document.customAttributes', 'client_id') }} as client_id,
        upper(document.discountCodes[1]) as discount_code,
        document.customerLocale as locale,
        {{ cents('document.totalPriceSet.shopMoney.amount') }} as total_cents,
        coalesce({{ cents('document.totalDiscountsSet.shopMoney.amount') }}, 0) as discount_cents,
        coalesce(
            {{ cents('document.totalRefundedSet.shopMoney.amount') }},
            {{ list_total('document.refunds', cents('item.totalRefundedSet.shopMoney.amount')) }}
        ) as refunded_cents,
        upper(document.displayFinancialStatus) as financial_status,
        upper(document.shippingAddress.countryCodeV2) as country_code,
        document.shippingAddress.city as city,
        {{ list_total(
            'document.lineItems.nodes', line_cents('item.quantity', 'item.originalUnitPriceSet.shopMoney.amount')
        ) }} as lines_cents,
        document.lineItems.nodes as line_items
    from parsed
),

keyed as (
    select
        *,
        case
            when customer_id is not null then 'shopify:' || customer_id
            when email is not null or phone is not null
                then 'shopify_guest:' || substr(md5(coalesce(email, '') || '|' || coalesce(phone, '')), 1, 16)
        end as contact_key
    from renamed
)

select * from keyed
