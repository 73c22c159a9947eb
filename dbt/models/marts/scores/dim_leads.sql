{{ config(materialized='view', tags=['hot']) }}

with contacts as (
    select
        email, person_id,
        row_number() over (partition by email order by created_at, contact_key) as contact_rank
    from {{ ref('person_contacts') }}
    where email is not null
),

kept as (
    select
        leads.*,
        coalesce(contacts.person_id, leads.known_person_id) as person_id,
        row_number() over (
            partition by coalesce(contacts.person_id, leads.known_person_id, -leads.lead_id) order by leads.lead_id
        ) as lead_rank
    from {{ ref('stg_leads__leads') }} as leads
    left join contacts on leads.email = contacts.email and contacts.contact_rank = 1
),

forms as (
    select
        contacts.person_id,
        min(submissions.submitted_at) as first_form_at
    from {{ ref('int_engagement__form_submissions') }} as submissions
    inner join {{ ref('person_contacts') }} as contacts on submissions.contact_key = contacts.contact_key
    group by contacts.person_id
),

found as (
    select
        people.person_id,
        case when forms.person_id is not null then 'landing_page' else 'import' end as lead_source,
        coalesce(forms.first_form_at, people.first_seen_at) as created_at
    from {{ ref('dim_people') }} as people
    left join forms on people.person_id = forms.person_id
    where
        people.email is not null
        and people.email not in (select claimed.email from kept as claimed where claimed.email is not null)
        and (people.lifecycle in ('lead', 'opportunity') or (forms.person_id is not null and people.orders_count = 0))
),

everybody as (
    select
        person_id, lead_id, lead_source, status, status_at, assigned_to, created_at
    from kept
    where lead_rank = 1
    union all
    select
        found.person_id, null as lead_id, found.lead_source, 'new' as status, found.created_at as status_at,
        null as assigned_to, found.created_at
    from found
    where found.person_id not in (select known.person_id from kept as known where known.person_id is not null)
)

select
    cast(everybody.lead_id as bigint) as lead_id,
    cast(everybody.person_id as bigint) as person_id,
    coalesce(people.email, kept.email) as email,
    coalesce(people.full_name, kept.full_name) as full_name,
    coalesce(kept.company_name, people.company_name) as company_name,
    coalesce(kept.company_size, {{ company_size('people.employees_count') }}) as company_size,
    coalesce(kept.industry, people.industry) as industry,
    coalesce(kept.job_title, people.job_title) as job_title,
    coalesce(kept.country_code, people.country_code) as country_code,
    kept.region,
    everybody.lead_source,
    everybody.status,
    everybody.status_at,
    everybody.assigned_to,
    everybody.created_at
from everybody
left join kept on everybody.lead_id = kept.lead_id
left join {{ ref('dim_people') }} as people on everybody.person_id = people.person_id
