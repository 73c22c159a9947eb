with source as (
    {{ newest_records(source('raw', 'woocommerce_orders')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'number': 'VARCHAR', 'status': 'VARCHAR', 'currency': 'VARCHAR',
            'date_created_gmt': 'VARCHAR', 'date_modified_gmt': 'VARCHAR', 'customer_id': 'VARCHAR',
            'discount_total': 'VARCHAR', 'total': 'VARCHAR',
            'billing': {
                'first_name': 'VARCHAR', 'last_name': 'VARCHAR', 'email': 'VARCHAR', 'phone': 'VARCHAR',
                'country': 'VARCHAR', 'city': 'VARCHAR', 'company': 'VARCHAR'
            },
            'coupon_lines': [{'code': 'VARCHAR'}],
            'meta_data': [{'key': 'VARCHAR', 'value': 'VARCHAR'}],
            'line_items': [{
                'id': 'VARCHAR', 'product_id': 'VARCHAR', 'sku': 'VARCHAR', 'name': 'VARCHAR', 'quantity': 'INTEGER',
                'price': 'VARCHAR', 'subtotal': 'VARCHAR', 'total': 'VARCHAR'
            }],
            'refunds': [{'id': 'VARCHAR', 'total': 'VARCHAR'}]
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.id as source_order_id,
        coalesce(document.number, document.id) as order_name,
        nullif(document.customer_id, '0') as customer_id,
        {{ normal_email('document.billing.email') }} as email,
        nullif(trim(document.billing.phone), '') as phone,
        nullif(trim(document.billing.first_name), '') as first_name,
        nullif(trim(document.billing.last_name), '') as last_name,
        nullif(trim(document.billing.company), '') as company_name,
        upper(nullif(document.billing.country, '')) as country_code,
        nullif(trim(document.billing.city), '') as city,
        {{ utc_timestamp('document.date_created_gmt') }} as ordered_at,
        coalesce({{ utc_timestamp('document.date_modified_gmt') }}, record_updated_at) as updated_at,
        lower(document.status) as source_status,
        document.currency as currency_code,
        {{ list_lookup('document.meta_data', 'client_id') }} as client_id,
        upper(document.coupon_lines[1].code) as discount_code,
        {{ cents('document.total') }} as total_cents,
        coalesce({{ cents('document.discount_total') }}, 0) as discount_cents,
        -{{ list_total('document.refunds', cents('item.total')) }} as refunded_cents,
        {{ list_total('document.line_items', cents('coalesce(item.subtotal, item.total)')) }} as lines_cents,
        document.line_items as line_items
    from parsed
),

keyed as (
    select
        *,
        case
            when customer_id is not null then 'woocommerce:' || customer_id
            when email is not null or phone is not null
                then 'woocommerce_guest:' || substr(md5(
                    coalesce(email, '') || '|' || coalesce(phone, '') || '|'
                    || coalesce({{ plain_letters("coalesce(first_name, '') || coalesce(last_name, '')") }}, '')
                ), 1, 16)
        end as contact_key
    from renamed
)

select * from keyed
