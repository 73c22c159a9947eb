{{ config(materialized='view') }}

with visits as (
    select
        'visit:' || record_id as touchpoint_id, person_id, client_id, started_at as touched_at, channel, source,
        medium, campaign, 'visit' as kind
    from {{ ref('fct_visits') }}
),

clicks as (
    select
        'click:' || event_key as touchpoint_id, person_id, null as client_id, occurred_at as touched_at, channel,
        provider as source, channel as medium, null as campaign, 'message_click' as kind
    from {{ ref('fct_message_events') }}
    where event_type = 'clicked' and not is_machine
),

forms as (
    select
        'form:' || submission_id as touchpoint_id, person_id, client_id, submitted_at as touched_at,
        'form' as channel, source, medium, campaign, 'form_submission' as kind
    from {{ ref('fct_form_submissions') }}
)

select * from visits
union all
select * from clicks
union all
select * from forms
