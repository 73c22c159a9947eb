{{ config(tags=['hot']) }}

with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'leads')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'lead_id': 'BIGINT', 'person_id': 'BIGINT', 'email': 'VARCHAR', 'name': 'VARCHAR', 'phone': 'VARCHAR',
            'company_name': 'VARCHAR', 'company_size': 'VARCHAR', 'industry': 'VARCHAR', 'job_title': 'VARCHAR',
            'country_code': 'VARCHAR', 'region': 'VARCHAR', 'source': 'VARCHAR', 'status': 'VARCHAR',
            'status_at': 'VARCHAR', 'assigned_to': 'VARCHAR', 'created_at': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.lead_id as lead_id,
        document.person_id as known_person_id,
        {{ normal_email('document.email') }} as email,
        nullif(document.name, '') as full_name,
        nullif(document.company_name, '') as company_name,
        nullif(document.company_size, '') as company_size,
        nullif(document.industry, '') as industry,
        nullif(document.job_title, '') as job_title,
        nullif(document.country_code, '') as country_code,
        nullif(document.region, '') as region,
        document.source as lead_source,
        document.status as status,
        {{ utc_timestamp('document.status_at') }} as status_at,
        nullif(document.assigned_to, '') as assigned_to,
        {{ utc_timestamp('document.created_at') }} as created_at,
        record_updated_at as updated_at
    from parsed
)

select * from renamed
