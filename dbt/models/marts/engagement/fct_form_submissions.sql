with submissions as (
    select * from {{ ref('int_engagement__form_submissions') }}
),

contacts as (
    select
        contact_key, person_id
    from {{ ref('person_contacts') }}
)

select
    submissions.submission_id,
    submissions.form_id,
    submissions.form_name,
    submissions.page_slug,
    submissions.submitted_at,
    submissions.client_id,
    contacts.person_id,
    submissions.email,
    submissions.source,
    submissions.medium,
    submissions.campaign,
    coalesce(submissions.has_email_consent, false) as has_email_consent,
    coalesce(submissions.has_sms_consent, false) as has_sms_consent,
    submissions.record_id
from submissions
left join contacts on submissions.contact_key = contacts.contact_key
