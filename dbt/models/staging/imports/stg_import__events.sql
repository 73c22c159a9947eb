with source as (
    {{ newest_records(source('raw', 'import_events')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'event_id': 'VARCHAR', 'provider': 'VARCHAR', 'event': 'VARCHAR', 'email': 'VARCHAR',
            'occurred_at': 'VARCHAR', 'url': 'VARCHAR', 'user_agent': 'VARCHAR', 'channel': 'VARCHAR',
            'message_id': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        'import:' || record_id as event_key,
        coalesce(lower(nullif(document.provider, '')), 'import') as provider,
        lower(document.event) as source_event,
        {{ normal_email('document.email') }} as email,
        coalesce(lower(nullif(document.channel, '')), 'email') as channel,
        nullif(document.message_id, '') as provider_message_id,
        document.url as url,
        document.user_agent as user_agent,
        coalesce({{ utc_timestamp('document.occurred_at') }}, record_updated_at) as occurred_at
    from parsed
)

select * from renamed
