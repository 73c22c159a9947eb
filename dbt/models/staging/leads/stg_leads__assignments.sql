with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'lead_assignments')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'assignment_id': 'BIGINT', 'lead_id': 'BIGINT', 'place': 'VARCHAR', 'rep_key': 'VARCHAR',
            'rep_name': 'VARCHAR', 'rep_team': 'VARCHAR', 'is_priority': 'BOOLEAN', 'rule': 'VARCHAR',
            'rules_version': 'INTEGER', 'why': 'VARCHAR', 'score': 'DOUBLE', 'crossed_at': 'VARCHAR',
            'assigned_at': 'VARCHAR', 'respond_by': 'VARCHAR', 'contact_by': 'VARCHAR', 'accepted_at': 'VARCHAR',
            'contacted_at': 'VARCHAR', 'ended_at': 'VARCHAR', 'ended_because': 'VARCHAR', 'rejected_for': 'VARCHAR',
            'by': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.assignment_id as assignment_id,
        document.lead_id as lead_id,
        document.place as place,
        nullif(document.rep_key, '') as rep_key,
        nullif(document.rep_name, '') as rep_name,
        nullif(document.rep_team, '') as rep_team,
        coalesce(document.is_priority, false) as is_priority,
        nullif(document.rule, '') as rule,
        document.rules_version as rules_version,
        document.why as why,
        document.score as score,
        {{ utc_timestamp('document.crossed_at') }} as crossed_at,
        {{ utc_timestamp('document.assigned_at') }} as assigned_at,
        {{ utc_timestamp('document.respond_by') }} as respond_by_at,
        {{ utc_timestamp('document.contact_by') }} as contact_by_at,
        {{ utc_timestamp('document.accepted_at') }} as accepted_at,
        {{ utc_timestamp('document.contacted_at') }} as contacted_at,
        {{ utc_timestamp('document.ended_at') }} as ended_at,
        nullif(document.ended_because, '') as ended_because,
        nullif(document.rejected_for, '') as rejected_for,
        document.by as assigned_by
    from parsed
)

select * from renamed
