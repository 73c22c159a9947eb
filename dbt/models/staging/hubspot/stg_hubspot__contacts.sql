with source as (
    {{ newest_records(source('raw', 'hubspot_contacts')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'createdAt': 'VARCHAR', 'updatedAt': 'VARCHAR', 'archived': 'BOOLEAN',
            'properties': {
                'email': 'VARCHAR', 'firstname': 'VARCHAR', 'lastname': 'VARCHAR', 'phone': 'VARCHAR',
                'jobtitle': 'VARCHAR', 'company': 'VARCHAR', 'country': 'VARCHAR', 'city': 'VARCHAR',
                'hs_timezone': 'VARCHAR', 'date_of_birth': 'VARCHAR', 'lifecyclestage': 'VARCHAR',
                'hs_lead_status': 'VARCHAR', 'associatedcompanyid': 'VARCHAR', 'hs_analytics_source': 'VARCHAR'
            }
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.id as source_contact_id,
        'hubspot:' || document.id as contact_key,
        {{ normal_email('document.properties.email') }} as email,
        nullif(trim(document.properties.phone), '') as phone,
        nullif(trim(document.properties.firstname), '') as first_name,
        nullif(trim(document.properties.lastname), '') as last_name,
        nullif(trim(document.properties.jobtitle), '') as job_title,
        nullif(trim(document.properties.company), '') as company_name,
        nullif(document.properties.associatedcompanyid, '') as source_company_id,
        nullif(trim(document.properties.country), '') as country,
        nullif(trim(document.properties.city), '') as city,
        nullif(document.properties.hs_timezone, '') as time_zone,
        {{ safe_cast('document.properties.date_of_birth', 'date') }} as birthday,
        lower(nullif(document.properties.lifecyclestage, '')) as lifecycle_stage,
        lower(nullif(document.properties.hs_lead_status, '')) as lead_status,
        lower(nullif(document.properties.hs_analytics_source, '')) as original_source,
        coalesce(document.archived, false) as is_archived,
        {{ utc_timestamp('document.createdAt') }} as created_at,
        coalesce({{ utc_timestamp('document.updatedAt') }}, record_updated_at) as updated_at
    from parsed
)

select * from renamed
