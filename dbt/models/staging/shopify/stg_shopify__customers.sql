{{ config(tags=['hot']) }}

with source as (
    {{ newest_records(source('raw', 'shopify_customers')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'createdAt': 'VARCHAR', 'updatedAt': 'VARCHAR', 'firstName': 'VARCHAR',
            'lastName': 'VARCHAR', 'locale': 'VARCHAR',
            'defaultEmailAddress': {
                'emailAddress': 'VARCHAR', 'marketingState': 'VARCHAR', 'marketingUpdatedAt': 'VARCHAR'
            },
            'defaultPhoneNumber': {
                'phoneNumber': 'VARCHAR', 'marketingState': 'VARCHAR', 'marketingUpdatedAt': 'VARCHAR'
            },
            'defaultAddress': {'countryCodeV2': 'VARCHAR', 'city': 'VARCHAR', 'zip': 'VARCHAR'}
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        {{ shopify_number('document.id') }} as customer_id,
        'shopify:' || {{ shopify_number('document.id') }} as contact_key,
        {{ normal_email('document.defaultEmailAddress.emailAddress') }} as email,
        nullif(trim(document.defaultPhoneNumber.phoneNumber), '') as phone,
        nullif(trim(document.firstName), '') as first_name,
        nullif(trim(document.lastName), '') as last_name,
        document.locale as locale,
        upper(document.defaultAddress.countryCodeV2) as country_code,
        nullif(trim(document.defaultAddress.city), '') as city,
        upper(document.defaultEmailAddress.marketingState) as email_marketing_state,
        {{ utc_timestamp('document.defaultEmailAddress.marketingUpdatedAt') }} as email_marketing_updated_at,
        upper(document.defaultPhoneNumber.marketingState) as sms_marketing_state,
        {{ utc_timestamp('document.defaultPhoneNumber.marketingUpdatedAt') }} as sms_marketing_updated_at,
        {{ utc_timestamp('document.createdAt') }} as created_at,
        coalesce({{ utc_timestamp('document.updatedAt') }}, record_updated_at) as updated_at
    from parsed
)

select * from renamed
