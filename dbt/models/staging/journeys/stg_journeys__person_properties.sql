{{ config(tags=['hot']) }}

with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'person_properties')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'person_id': 'BIGINT', 'kind': 'VARCHAR', 'name': 'VARCHAR', 'value': 'VARCHAR', 'is_set': 'BOOLEAN',
            'changed_at': 'VARCHAR', 'changed_by': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.person_id as person_id,
        document.kind as kind,
        document.name as property_name,
        document.value as property_value,
        document.is_set as is_set,
        {{ utc_timestamp('document.changed_at') }} as changed_at,
        document.changed_by as changed_by
    from parsed
)

select * from renamed
