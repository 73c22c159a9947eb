with source as (
    {{ newest_records(source('raw', 'ledger_counters')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'programme': 'VARCHAR', 'step': 'VARCHAR', 'variant': 'VARCHAR', 'channel': 'VARCHAR', 'kind': 'VARCHAR',
            'hour': 'VARCHAR', 'count': 'BIGINT', 'updated_at': 'VARCHAR'
        }) }} as document
    from source
)

select
    {{ record_columns() }},
    document.programme as programme,
    document.step as step,
    coalesce(document.variant, '') as variant,
    document.channel as channel,
    document.kind as kind,
    {{ utc_timestamp('document.hour') }} as hour_at,
    coalesce(document.count, 0) as messages_count,
    {{ utc_timestamp('document.updated_at') }} as counted_at
from parsed
