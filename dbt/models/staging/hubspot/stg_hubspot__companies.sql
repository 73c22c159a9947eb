with source as (
    {{ newest_records(source('raw', 'hubspot_companies')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'createdAt': 'VARCHAR', 'updatedAt': 'VARCHAR', 'archived': 'BOOLEAN',
            'properties': {
                'name': 'VARCHAR', 'domain': 'VARCHAR', 'industry': 'VARCHAR', 'numberofemployees': 'VARCHAR',
                'country': 'VARCHAR'
            }
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.id as source_company_id,
        document.properties.name as company_name,
        lower(nullif(document.properties.domain, '')) as domain,
        nullif(document.properties.industry, '') as industry,
        {{ safe_cast('document.properties.numberofemployees', 'bigint') }} as employees_count,
        nullif(trim(document.properties.country), '') as country,
        coalesce(document.archived, false) as is_archived,
        {{ utc_timestamp('document.createdAt') }} as created_at,
        coalesce({{ utc_timestamp('document.updatedAt') }}, record_updated_at) as updated_at
    from parsed
)

select * from renamed
