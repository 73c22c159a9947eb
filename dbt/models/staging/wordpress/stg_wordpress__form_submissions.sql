with source as (
    {{ newest_records(source('raw', 'wordpress_form_submissions')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'form_id': 'VARCHAR', 'form_name': 'VARCHAR', 'page_id': 'VARCHAR',
            'page_slug': 'VARCHAR', 'submitted_at': 'VARCHAR', 'modified_at': 'VARCHAR', 'client_id': 'VARCHAR',
            'fields': {
                'email': 'VARCHAR', 'first_name': 'VARCHAR', 'last_name': 'VARCHAR', 'phone': 'VARCHAR',
                'company': 'VARCHAR', 'job_title': 'VARCHAR', 'country': 'VARCHAR', 'country_code': 'VARCHAR'
            },
            'consent': {'email': 'BOOLEAN', 'sms': 'BOOLEAN', 'text': 'VARCHAR'},
            'utm': {'source': 'VARCHAR', 'medium': 'VARCHAR', 'campaign': 'VARCHAR'}
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.id as submission_id,
        'wordpress_form:' || document.id as contact_key,
        document.form_id as form_id,
        document.form_name as form_name,
        document.page_id as page_id,
        document.page_slug as page_slug,
        nullif(document.client_id, '') as client_id,
        {{ normal_email('document.fields.email') }} as email,
        nullif(trim(document.fields.phone), '') as phone,
        nullif(trim(document.fields.first_name), '') as first_name,
        nullif(trim(document.fields.last_name), '') as last_name,
        nullif(trim(document.fields.company), '') as company_name,
        nullif(trim(document.fields.job_title), '') as job_title,
        coalesce(nullif(document.fields.country_code, ''), nullif(document.fields.country, '')) as country,
        document.consent.email as has_email_consent,
        document.consent.sms as has_sms_consent,
        document.consent.text as consent_text,
        lower(nullif(document.utm.source, '')) as source,
        lower(nullif(document.utm.medium, '')) as medium,
        nullif(document.utm.campaign, '') as campaign,
        {{ utc_timestamp('document.submitted_at') }} as submitted_at,
        coalesce({{ utc_timestamp('document.modified_at') }}, record_updated_at) as updated_at
    from parsed
)

select * from renamed
