with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'journey_members')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'member_id': 'BIGINT', 'journey_id': 'BIGINT', 'version': 'INTEGER', 'person_id': 'BIGINT',
            'entry_key': 'VARCHAR', 'status': 'VARCHAR', 'step': 'VARCHAR', 'due_at': 'VARCHAR', 'why': 'VARCHAR',
            'is_holdout': 'BOOLEAN', 'entered_at': 'VARCHAR', 'seen_at': 'VARCHAR', 'reached_goal_at': 'VARCHAR',
            'ended_at': 'VARCHAR', 'variant': 'VARCHAR',
            'passed': [{'step': 'VARCHAR', 'number': 'INTEGER', 'at': 'VARCHAR'}]
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.member_id as member_id,
        document.journey_id as journey_id,
        document.version as version,
        document.person_id as person_id,
        document.entry_key as entry_key,
        document.status as status,
        nullif(document.step, '') as step,
        {{ utc_timestamp('document.due_at') }} as due_at,
        document.why as why,
        coalesce(document.is_holdout, false) as is_holdout,
        {{ utc_timestamp('document.entered_at') }} as entered_at,
        {{ utc_timestamp('document.seen_at') }} as seen_at,
        {{ utc_timestamp('document.reached_goal_at') }} as reached_goal_at,
        {{ utc_timestamp('document.ended_at') }} as ended_at,
        nullif(document.variant, '') as variant,
        document.passed as passed
    from parsed
)

select * from renamed
