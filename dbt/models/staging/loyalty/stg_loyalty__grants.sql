{{ config(tags=['hot']) }}

with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'loyalty_grants')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'grant_id': 'BIGINT', 'offer_key': 'VARCHAR', 'offer_name': 'VARCHAR', 'kind': 'VARCHAR',
            'value': 'BIGINT', 'person_id': 'BIGINT', 'occurrence': 'VARCHAR', 'code': 'VARCHAR',
            'granted_at': 'VARCHAR', 'valid_until': 'VARCHAR', 'redeemed_at': 'VARCHAR', 'order_id': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.grant_id as grant_id,
        document.offer_key as offer_key,
        document.offer_name as offer_name,
        document.kind as offer_kind,
        document.value as offer_value,
        document.person_id as person_id,
        document.occurrence as occurrence,
        document.code as code,
        {{ utc_timestamp('document.granted_at') }} as granted_at,
        {{ utc_timestamp('document.valid_until') }} as valid_until_at,
        {{ utc_timestamp('document.redeemed_at') }} as redeemed_at,
        nullif(document.order_id, '') as order_id
    from parsed
)

select * from renamed
