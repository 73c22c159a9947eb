{{ config(materialized='view') }}

with events as (
    select * from {{ ref('int_engagement__message_events') }}
),

messages as (
    select
        message_id, person_id, programme, step
    from {{ ref('fct_messages') }}
)

select
    events.event_key,
    events.provider,
    events.message_id,
    events.provider_message_id,
    coalesce(messages.person_id, events.person_id) as person_id,
    events.email,
    events.phone,
    events.channel,
    messages.programme as campaign,
    messages.step,
    events.event_type,
    events.is_machine,
    events.occurred_at,
    events.url,
    events.user_agent,
    events.reason,
    events.record_id,
    events._loaded_at
from events
left join messages on events.message_id = messages.message_id
