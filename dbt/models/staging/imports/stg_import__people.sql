with source as (
    {{ newest_records(source('raw', 'import_people')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'email': 'VARCHAR', 'phone': 'VARCHAR', 'first_name': 'VARCHAR', 'last_name': 'VARCHAR',
            'country_code': 'VARCHAR', 'city': 'VARCHAR', 'birthday': 'VARCHAR', 'company': 'VARCHAR',
            'job_title': 'VARCHAR', 'external_id': 'VARCHAR', 'created_at': 'VARCHAR', 'email_consent': 'BOOLEAN',
            'sms_consent': 'BOOLEAN'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        'import:' || record_id as contact_key,
        nullif(trim(document.external_id), '') as external_id,
        {{ normal_email('document.email') }} as email,
        nullif(trim(document.phone), '') as phone,
        nullif(trim(document.first_name), '') as first_name,
        nullif(trim(document.last_name), '') as last_name,
        nullif(trim(document.country_code), '') as country,
        nullif(trim(document.city), '') as city,
        {{ safe_cast('document.birthday', 'date') }} as birthday,
        nullif(trim(document.company), '') as company_name,
        nullif(trim(document.job_title), '') as job_title,
        document.email_consent as has_email_consent,
        document.sms_consent as has_sms_consent,
        coalesce({{ utc_timestamp('document.created_at') }}, _loaded_at) as created_at,
        record_updated_at as updated_at
    from parsed
)

select * from renamed
