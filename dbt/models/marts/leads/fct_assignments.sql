with assignments as (
    select
        *,
        least(accepted_at, contacted_at) as answered_at,
        row_number() over (partition by lead_id, crossed_at order by assignment_id) as number_of_crossing
    from {{ ref('stg_leads__assignments') }}
),

leads as (
    select
        lead_id, person_id, lead_source, channel, country_code, industry, company_size
    from {{ ref('fct_leads') }}
    where lead_id is not null
)

select
    assignments.assignment_id,
    assignments.lead_id,
    cast(leads.person_id as bigint) as person_id,
    assignments.place,
    assignments.rep_key,
    coalesce(assignments.rep_name, assignments.rep_key) as rep_name,
    assignments.rep_team,
    assignments.is_priority,
    assignments.rule,
    assignments.rules_version,
    assignments.why,
    assignments.score,
    assignments.assigned_by,
    assignments.crossed_at,
    assignments.assigned_at,
    assignments.respond_by_at,
    assignments.contact_by_at,
    assignments.answered_at,
    assignments.accepted_at,
    assignments.contacted_at,
    assignments.ended_at,
    assignments.ended_because,
    assignments.rejected_for,
    case
        when assignments.crossed_at is not null and assignments.number_of_crossing = 1
            then {{ seconds_of('assignments.assigned_at') }} - {{ seconds_of('assignments.crossed_at') }}
    end as assignment_seconds,
    {{ seconds_of('assignments.answered_at') }} - {{ seconds_of('assignments.assigned_at') }} as response_seconds,
    {{ seconds_of('assignments.contacted_at') }} - {{ seconds_of('assignments.assigned_at') }} as first_contact_seconds,
    {{ in_time('assignments.answered_at', 'assignments.respond_by_at') }} as is_answered_in_time,
    case
        when assignments.ended_because is null or assignments.ended_because <> 'rejected'
            then {{ in_time('assignments.contacted_at', 'assignments.contact_by_at') }}
    end as is_contacted_in_time,
    coalesce(leads.lead_source, 'unknown') as lead_source,
    coalesce(leads.channel, 'unknown') as channel,
    leads.country_code,
    leads.industry,
    leads.company_size
from assignments
left join leads on assignments.lead_id = leads.lead_id
