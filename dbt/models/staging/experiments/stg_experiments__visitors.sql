{{ config(tags=['hot']) }}

with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'experiment_visitors')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'experiment_id': 'BIGINT', 'visitor': 'VARCHAR', 'arm': 'VARCHAR', 'page': 'VARCHAR',
            'seen_at': 'VARCHAR', 'clicked_at': 'VARCHAR', 'completed_at': 'VARCHAR', 'form': 'VARCHAR'
        }) }} as document
    from source
),

named as (
    select
        *,
        case
            when document.page like 'journey:%' then cast(replace(document.visitor, 'person:', '') as bigint)
        end as member_person_id
    from parsed
)

select
    {{ record_columns() }},
    revision,
    document.experiment_id as experiment_id,
    case when member_person_id is null then document.visitor end as client_id,
    member_person_id,
    coalesce(member_person_id, {{ stable_number('document.visitor') }}) as unit_id,
    document.arm as arm,
    document.page as page,
    {{ utc_timestamp('document.seen_at') }} as seen_at,
    {{ utc_timestamp('document.clicked_at') }} as clicked_at,
    {{ utc_timestamp('document.completed_at') }} as completed_at,
    nullif(document.form, '') as form_id
from named
