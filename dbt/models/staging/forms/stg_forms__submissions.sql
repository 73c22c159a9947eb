{{ config(tags=['hot']) }}

with source as (
    {{ newest_records(source('raw', 'form_submissions')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'submission_id': 'VARCHAR', 'form': 'VARCHAR', 'page_url': 'VARCHAR', 'client_id': 'VARCHAR',
            'submitted_at': 'VARCHAR',
            'fields': {
                'email': 'VARCHAR', 'first_name': 'VARCHAR', 'last_name': 'VARCHAR', 'phone': 'VARCHAR',
                'company': 'VARCHAR', 'job_title': 'VARCHAR', 'country': 'VARCHAR', 'consent_email': 'VARCHAR',
                'consent_sms': 'VARCHAR', 'consent_text': 'VARCHAR', 'utm_source': 'VARCHAR', 'utm_medium': 'VARCHAR',
                'utm_campaign': 'VARCHAR'
            }
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.submission_id as submission_id,
        'form:' || document.submission_id as contact_key,
        document.form as form_id,
        document.form as form_name,
        cast(null as varchar) as page_id,
        {{ last_path_part('document.page_url') }} as page_slug,
        nullif(document.client_id, '') as client_id,
        {{ normal_email('document.fields.email') }} as email,
        nullif(trim(document.fields.phone), '') as phone,
        nullif(trim(document.fields.first_name), '') as first_name,
        nullif(trim(document.fields.last_name), '') as last_name,
        nullif(trim(document.fields.company), '') as company_name,
        nullif(trim(document.fields.job_title), '') as job_title,
        nullif(trim(document.fields.country), '') as country,
        lower(document.fields.consent_email) in ('true', 'on', 'yes', '1') as has_email_consent,
        lower(document.fields.consent_sms) in ('true', 'on', 'yes', '1') as has_sms_consent,
        document.fields.consent_text as consent_text,
        lower(nullif(document.fields.utm_source, '')) as source,
        lower(nullif(document.fields.utm_medium, '')) as medium,
        nullif(document.fields.utm_campaign, '') as campaign,
        {{ utc_timestamp('document.submitted_at') }} as submitted_at,
        record_updated_at as updated_at
    from parsed
)

select * from renamed
