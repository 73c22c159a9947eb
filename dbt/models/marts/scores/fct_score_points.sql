{{ config(materialized='view', tags=['hot']) }}

with leads as (
    select * from {{ ref('dim_leads') }}
),

rules as (
    select * from {{ ref('score_rules') }}
    where is_active
),

forms as (
    select
        'form:' || submissions.record_id as entry_key,
        contacts.person_id,
        lower(coalesce(submissions.form_id, '') || ' ' || coalesce(submissions.form_name, '') || ' '
            || coalesce(submissions.page_slug, '')) as words,
        coalesce(submissions.form_name, submissions.form_id) as subject,
        submissions.submitted_at as occurred_at,
        'form' as source
    from {{ ref('int_engagement__form_submissions') }} as submissions
    inner join {{ ref('person_contacts') }} as contacts on submissions.contact_key = contacts.contact_key
    where coalesce(submissions.form_id, '') <> 'dmat-lead'
),

visits as (
    select
        visit.record_id,
        visit.person_id,
        visit.landing_page,
        visit.started_at,
        lag(visit.started_at, 2) over (partition by visit.person_id order by visit.started_at, visit.record_id)
            as third_last_at
    from {{ ref('fct_visits') }} as visit
    where visit.person_id in (select person_id from leads)
),

messages as (
    select
        coalesce(sent.person_id, events.person_id) as person_id,
        events.event_type,
        coalesce(events.message_id, events.provider_message_id, events.event_key) as message_key,
        min(events.occurred_at) as occurred_at
    from {{ ref('int_engagement__message_events') }} as events
    left join {{ ref('stg_ledger__entries') }} as sent on events.message_id = sent.message_id and sent.person_id > 0
    where events.channel = 'email' and events.event_type in ('opened', 'clicked') and not events.is_machine
    group by 1, 2, 3
),

happened as (
    select * from forms
    union all
    select
        'visit:' || record_id as entry_key, person_id, lower(landing_page) as words, landing_page as subject,
        started_at as occurred_at, 'visit' as source
    from visits
    union all
    select
        event_type || ':' || message_key as entry_key, person_id, event_type as words, message_key as subject,
        occurred_at, 'message' as source
    from messages
    union all
    select
        'company:' || person_id as entry_key, person_id, company_size as words, company_size as subject,
        created_at as occurred_at, 'company' as source
    from leads
    where company_size is not null
    union all
    select
        'role:' || person_id as entry_key, person_id, lower(job_title) as words, job_title as subject,
        created_at as occurred_at, 'role' as source
    from leads
    where job_title is not null
),

said as (
    select distinct
        source, words
    from happened
),

matched as (
    select
        said.source, said.words, rules.action, rules.priority
    from said
    inner join rules on said.source = rules.source and {{ matches('said.words', 'rules.pattern') }}
),

ranked as (
    select
        happened.*,
        matched.action,
        row_number() over (partition by happened.entry_key order by matched.priority) as rule_rank
    from happened
    inner join matched on happened.source = matched.source and happened.words = matched.words
),

habits as (
    select
        'habit:' || person_id || ':' || cast(date_trunc('week', started_at) as date) as entry_key,
        person_id,
        min(started_at) as occurred_at
    from visits
    where started_at <= {{ days_after('third_last_at', 7) }}
    group by person_id, date_trunc('week', started_at)
),

points as (
    select
        ranked.entry_key, ranked.person_id, ranked.action, ranked.source, ranked.subject, ranked.occurred_at,
        null as own_points
    from ranked
    where ranked.rule_rank = 1
    union all
    select
        habits.entry_key, habits.person_id, rules.action, 'habit' as source, 'three visits' as subject,
        habits.occurred_at, null as own_points
    from habits
    cross join rules
    where rules.source = 'habit'
    union all
    select
        'activity:' || activities.activity_id as entry_key, leads.person_id, activities.action,
        'activity' as source, activities.reason as subject, activities.occurred_at, activities.points as own_points
    from {{ ref('stg_leads__activities') }} as activities
    inner join leads on activities.lead_id = leads.lead_id
    where leads.person_id is not null
)

select
    points.entry_key,
    cast(points.person_id as bigint) as person_id,
    leads.lead_id,
    points.action,
    coalesce(rules.label, 'was adjusted by hand') as label,
    points.source,
    points.subject,
    points.occurred_at,
    cast(coalesce(points.own_points, rules.points) as integer) as points,
    rules.half_life_days,
    {{ decayed_points('coalesce(points.own_points, rules.points)', 'rules.half_life_days', 'points.occurred_at', workspace_now()) }}
        as points_now
from points
inner join leads on points.person_id = leads.person_id
left join rules on points.action = rules.action
where (rules.action is not null or points.own_points is not null) and points.occurred_at <= {{ workspace_now() }}
