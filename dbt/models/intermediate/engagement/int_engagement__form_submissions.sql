{{ config(tags=['hot']) }}

select
    'wordpress_form' as form_source, submission_id, contact_key, form_id, form_name, page_slug, client_id, email, phone,
    first_name, last_name, company_name, job_title, country, has_email_consent, has_sms_consent, consent_text, source,
    medium, campaign, submitted_at, updated_at, record_id, _build
from {{ ref('stg_wordpress__form_submissions') }}
union all
select
    'form' as form_source, submission_id, contact_key, form_id, form_name, page_slug, client_id, email, phone,
    first_name, last_name, company_name, job_title, country, has_email_consent, has_sms_consent, consent_text, source,
    medium, campaign, submitted_at, updated_at, record_id, _build
from {{ ref('stg_forms__submissions') }}
