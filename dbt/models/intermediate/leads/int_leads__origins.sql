with leads as (
    select
        lead_key, person_id, created_at
    from {{ ref('int_leads__everyone') }}
    where person_id is not null
),

forms as (
    select
        leads.lead_key,
        {{ first_by('submissions.form_name', seconds_of('submissions.submitted_at')) }} as form_name,
        {{ first_by('submissions.source', seconds_of('submissions.submitted_at')) }} as source,
        {{ first_by('submissions.medium', seconds_of('submissions.submitted_at')) }} as medium,
        {{ first_by('submissions.campaign', seconds_of('submissions.submitted_at')) }} as campaign
    from leads
    inner join {{ ref('fct_form_submissions') }} as submissions
        on leads.person_id = submissions.person_id and leads.created_at = submissions.submitted_at
    group by leads.lead_key
),

tagged as (
    select
        lead_key,
        form_name,
        lower(source) as source,
        lower(coalesce(medium, '(none)')) as medium,
        campaign
    from forms
),

channels as (
    {{ channels_of("(select source, medium from tagged where source is not null)") }}
),

visits as (
    select
        leads.lead_key,
        visit.channel,
        visit.source,
        visit.medium,
        visit.campaign,
        visit.landing_page,
        visit.device,
        visit.browser,
        visit.country_code,
        row_number() over (partition by leads.lead_key order by visit.started_at desc, visit.record_id) as newest_first
    from leads
    inner join {{ ref('fct_visits') }} as visit on leads.person_id = visit.person_id
    where
        visit.started_at <= leads.created_at
        and visit.started_at > {{ days_after('leads.created_at', '-' ~ look_back_days()) }}
),

first_visits as (
    select
        person_id, min(started_at) as first_visit_at
    from {{ ref('fct_visits') }}
    where person_id in (select person_id from leads)
    group by person_id
)

select
    leads.lead_key,
    tagged.form_name,
    coalesce(channels.channel, visits.channel, 'unknown') as channel,
    case when channels.channel is not null then tagged.source else visits.source end as source,
    case when channels.channel is not null then tagged.medium else visits.medium end as medium,
    case when channels.channel is not null then tagged.campaign else visits.campaign end as campaign,
    visits.landing_page,
    visits.device,
    visits.browser,
    visits.country_code,
    case when first_visits.first_visit_at <= leads.created_at then first_visits.first_visit_at end as first_visit_at
from leads
left join tagged on leads.lead_key = tagged.lead_key
left join channels on tagged.source = channels.source and tagged.medium = channels.medium
left join visits on leads.lead_key = visits.lead_key and visits.newest_first = 1
left join first_visits on leads.person_id = first_visits.person_id
