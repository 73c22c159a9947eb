{{ config(tags=['hot']) }}

with source as (
    {{ newest_records(source('raw', 'lead_activities')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'activity_id': 'BIGINT', 'lead_id': 'BIGINT', 'action': 'VARCHAR', 'points': 'INTEGER',
            'reason': 'VARCHAR', 'occurred_at': 'VARCHAR', 'recorded_by': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.activity_id as activity_id,
        document.lead_id as lead_id,
        document.action as action,
        document.points as points,
        nullif(document.reason, '') as reason,
        {{ utc_timestamp('document.occurred_at') }} as occurred_at,
        document.recorded_by as recorded_by
    from parsed
)

select * from renamed
