{{ config(tags=['hot']) }}

with source as (
    {{ first_records(source('raw', 'preference_decisions')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'decision_id': 'VARCHAR', 'person_id': 'BIGINT', 'address': 'VARCHAR', 'channel': 'VARCHAR',
            'purpose': 'VARCHAR', 'what': 'VARCHAR', 'value': 'VARCHAR', 'source': 'VARCHAR', 'evidence': 'VARCHAR',
            'decided_at': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.decision_id as decision_id,
        nullif(document.person_id, 0) as person_id,
        case when document.channel = 'email' then {{ normal_email('document.address') }} end as email,
        nullif(document.channel, '') as channel,
        nullif(document.purpose, '') as purpose,
        document.what as decision,
        case document.what when 'granted' then true when 'withdrawn' then false end as is_granted,
        nullif(document.value, '') as wanted_frequency,
        document.source as source,
        document.evidence as evidence,
        {{ utc_timestamp('document.decided_at') }} as decided_at
    from parsed
)

select * from renamed
