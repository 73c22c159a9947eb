{%- set both -%}
    (
        select
            *, 'lead' as object_kind
        from {{ source('raw', 'salesforce_leads') }}
        union all
        select
            *, 'contact' as object_kind
        from {{ source('raw', 'salesforce_contacts') }}
    )
{%- endset -%}

with source as (
    {{ newest_records(both) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'Id': 'VARCHAR', 'FirstName': 'VARCHAR', 'LastName': 'VARCHAR', 'Email': 'VARCHAR', 'Phone': 'VARCHAR',
            'Title': 'VARCHAR', 'Company': 'VARCHAR', 'Account': {'Name': 'VARCHAR'}, 'Country': 'VARCHAR',
            'City': 'VARCHAR', 'MailingCountry': 'VARCHAR', 'MailingCity': 'VARCHAR', 'Birthdate': 'VARCHAR',
            'Status': 'VARCHAR', 'LeadSource': 'VARCHAR', 'IsConverted': 'BOOLEAN', 'IsDeleted': 'BOOLEAN',
            'CreatedDate': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.Id as source_contact_id,
        'salesforce:' || document.Id as contact_key,
        {{ normal_email('document.Email') }} as email,
        nullif(trim(document.Phone), '') as phone,
        nullif(trim(document.FirstName), '') as first_name,
        nullif(nullif(trim(document.LastName), ''), '[not provided]') as last_name,
        nullif(trim(document.Title), '') as job_title,
        nullif(nullif(trim(coalesce(document.Account.Name, document.Company)), ''), '[not provided]') as company_name,
        nullif(trim(coalesce(document.MailingCountry, document.Country)), '') as country,
        nullif(trim(coalesce(document.MailingCity, document.City)), '') as city,
        {{ safe_cast('document.Birthdate', 'date') }} as birthday,
        case when object_kind = 'lead' and not coalesce(document.IsConverted, false) then 'lead' end as lifecycle_stage,
        lower(nullif(document.Status, '')) as lead_status,
        lower(nullif(document.LeadSource, '')) as original_source,
        coalesce(document.IsDeleted, false) as is_archived,
        {{ utc_timestamp('document.CreatedDate') }} as created_at,
        record_updated_at as updated_at
    from parsed
)

select * from renamed
