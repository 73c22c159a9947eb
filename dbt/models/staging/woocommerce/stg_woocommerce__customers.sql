with source as (
    {{ newest_records(source('raw', 'woocommerce_customers')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'email': 'VARCHAR', 'first_name': 'VARCHAR', 'last_name': 'VARCHAR',
            'date_created_gmt': 'VARCHAR', 'date_modified_gmt': 'VARCHAR',
            'billing': {
                'first_name': 'VARCHAR', 'last_name': 'VARCHAR', 'phone': 'VARCHAR', 'country': 'VARCHAR',
                'city': 'VARCHAR', 'company': 'VARCHAR'
            }
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.id as customer_id,
        'woocommerce:' || document.id as contact_key,
        {{ normal_email('document.email') }} as email,
        nullif(trim(document.billing.phone), '') as phone,
        coalesce(nullif(trim(document.first_name), ''), nullif(trim(document.billing.first_name), '')) as first_name,
        coalesce(nullif(trim(document.last_name), ''), nullif(trim(document.billing.last_name), '')) as last_name,
        nullif(trim(document.billing.company), '') as company_name,
        upper(nullif(document.billing.country, '')) as country_code,
        nullif(trim(document.billing.city), '') as city,
        {{ utc_timestamp('document.date_created_gmt') }} as created_at,
        coalesce({{ utc_timestamp('document.date_modified_gmt') }}, record_updated_at) as updated_at
    from parsed
)

select * from renamed
