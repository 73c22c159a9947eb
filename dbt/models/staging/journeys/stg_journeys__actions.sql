with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'journey_actions')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'action_id': 'BIGINT', 'member_id': 'BIGINT', 'journey_id': 'BIGINT', 'person_id': 'BIGINT',
            'step': 'VARCHAR', 'kind': 'VARCHAR', 'state': 'VARCHAR', 'note': 'VARCHAR', 'at': 'VARCHAR',
            'until_at': 'VARCHAR', 'done_at': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.action_id as action_id,
        document.member_id as member_id,
        document.journey_id as journey_id,
        document.person_id as person_id,
        document.step as step,
        document.kind as kind,
        document.state as status,
        nullif(document.note, '') as note,
        {{ utc_timestamp('document.at') }} as asked_at,
        {{ utc_timestamp('document.until_at') }} as until_at,
        {{ utc_timestamp('document.done_at') }} as done_at
    from parsed
)

select * from renamed
