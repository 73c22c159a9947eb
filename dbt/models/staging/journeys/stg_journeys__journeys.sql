with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'journey_plans')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'journey_id': 'BIGINT', 'key': 'VARCHAR', 'name': 'VARCHAR', 'status': 'VARCHAR', 'version': 'INTEGER',
            'trigger': 'VARCHAR', 'owner': 'VARCHAR', 'goal_event': 'VARCHAR', 'goal_days': 'INTEGER',
            'holdout_share': 'DOUBLE', 'started_at': 'VARCHAR', 'updated_at': 'VARCHAR',
            'steps': [{
                'version': 'INTEGER', 'key': 'VARCHAR', 'name': 'VARCHAR', 'number': 'INTEGER', 'kind': 'VARCHAR',
                'channel': 'VARCHAR', 'template': 'VARCHAR', 'words': 'VARCHAR'
            }]
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.journey_id as journey_id,
        document.key as journey_key,
        'journey:' || document.key as programme,
        document.name as journey_name,
        document.status as status,
        document.version as version,
        document.trigger as trigger_words,
        document.owner as owner_email,
        nullif(document.goal_event, '') as goal_event,
        coalesce(document.goal_days, 7) as goal_days,
        coalesce(document.holdout_share, 0) as holdout_share,
        {{ utc_timestamp('document.started_at') }} as started_at,
        {{ utc_timestamp('document.updated_at') }} as updated_at,
        document.steps as steps
    from parsed
)

select * from renamed
