{{ config(tags=['hot']) }}

with source as (
    {{ newest_records(source('raw', 'loyalty_entries')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'entry_id': 'BIGINT', 'transaction_key': 'VARCHAR', 'line': 'INTEGER', 'person_id': 'BIGINT',
            'kind': 'VARCHAR', 'account': 'VARCHAR', 'points': 'BIGINT', 'occurred_at': 'VARCHAR',
            'expires_at': 'VARCHAR', 'reason': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.entry_id as entry_id,
        document.transaction_key as transaction_key,
        document.line as line_number,
        document.person_id as person_id,
        document.kind as kind,
        document.account as account,
        document.points as points,
        {{ utc_timestamp('document.occurred_at') }} as occurred_at,
        {{ utc_timestamp('document.expires_at') }} as expires_at,
        nullif(document.reason, '') as reason
    from parsed
)

select * from renamed
