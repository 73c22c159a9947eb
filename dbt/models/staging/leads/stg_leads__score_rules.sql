{{ config(tags=['hot']) }}

with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'score_rules')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'action': 'VARCHAR', 'points': 'INTEGER', 'half_life_days': 'DOUBLE', 'is_active': 'BOOLEAN'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.action as action,
        document.points as points,
        document.half_life_days as half_life_days,
        document.is_active as is_active,
        record_updated_at as updated_at
    from parsed
)

select * from renamed
