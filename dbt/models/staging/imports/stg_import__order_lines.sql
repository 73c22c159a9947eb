with source as (
    {{ newest_records(source('raw', 'import_orders')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'order_id': 'VARCHAR', 'line_number': 'INTEGER', 'ordered_at': 'VARCHAR', 'customer_id': 'VARCHAR',
            'email': 'VARCHAR', 'sku': 'VARCHAR', 'title': 'VARCHAR', 'quantity': 'INTEGER',
            'unit_price': 'VARCHAR', 'currency_code': 'VARCHAR', 'country': 'VARCHAR', 'kind': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.order_id as source_order_id,
        document.line_number as line_number,
        {{ utc_timestamp('document.ordered_at') }} as ordered_at,
        nullif(trim(document.customer_id), '') as customer_id,
        {{ normal_email('document.email') }} as email,
        nullif(trim(document.sku), '') as sku,
        nullif(trim(document.title), '') as title,
        document.quantity as quantity,
        {{ cents('document.unit_price') }} as unit_price_cents,
        {{ line_cents('document.quantity', 'document.unit_price') }} as amount_cents,
        coalesce(nullif(document.currency_code, ''), 'XXX') as currency_code,
        nullif(trim(document.country), '') as country,
        coalesce(lower(nullif(document.kind, '')), 'sale') as kind
    from parsed
),

keyed as (
    select
        *,
        case
            when customer_id is not null then 'import_customer:' || customer_id
            when email is not null then 'import_guest:' || substr(md5(email), 1, 16)
        end as contact_key
    from renamed
)

select * from keyed
