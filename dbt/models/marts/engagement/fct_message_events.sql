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
    {{ message_event_columns('events') }},
    coalesce(nullif(messages.person_id, 0), events.person_id) as person_id,
    messages.programme as campaign,
    messages.step
from events
left join messages on events.message_id = messages.message_id
