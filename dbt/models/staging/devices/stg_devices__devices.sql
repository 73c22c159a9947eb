with source as (
    {{ newest_records(source('raw', 'device_registrations')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'token_hash': 'VARCHAR', 'token': 'VARCHAR', 'platform': 'VARCHAR', 'provider': 'VARCHAR',
            'person_id': 'BIGINT', 'email': 'VARCHAR', 'client_id': 'VARCHAR', 'locale': 'VARCHAR',
            'has_consent': 'BOOLEAN', 'registered_at': 'VARCHAR', 'unregistered_at': 'VARCHAR',
            'unregistered_because': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.token_hash as device_id,
        document.token as device_token,
        document.platform as platform,
        document.provider as provider,
        nullif(document.person_id, 0) as named_person_id,
        {{ normal_email('document.email') }} as email,
        nullif(document.client_id, '') as client_id,
        nullif(document.locale, '') as locale,
        coalesce(document.has_consent, false) as has_consent,
        {{ utc_timestamp('document.registered_at') }} as registered_at,
        {{ utc_timestamp('document.unregistered_at') }} as unregistered_at,
        nullif(document.unregistered_because, '') as unregistered_because
    from parsed
)

select * from renamed
