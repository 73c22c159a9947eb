{{ config(materialized='incremental', unique_key='message_id', tags=['hot']) }}

with entries as (
    select * from {{ ref('stg_ledger__entries') }}
    {%- if is_incremental() %}
    where
        _build > {{ last_build() }}
        or message_id in (
            select events.message_id from {{ ref('int_engagement__message_events') }} as events
            where events._build > {{ last_build() }} and events.message_id is not null
        )
        or person_id in (
            select merged.merged_person_id from {{ ref('person_merges') }} as merged
            where merged._build > {{ last_build() }}
        )
    {%- endif %}
),

events as (
    select
        message_id,
        min(case when event_type = 'delivered' then occurred_at end) as delivered_at,
        min(case when event_type = 'opened' and not is_machine then occurred_at end) as first_opened_at,
        min(case when event_type = 'clicked' and not is_machine then occurred_at end) as first_clicked_at,
        min(case when event_type = 'read' then occurred_at end) as read_at,
        min(case when event_type = 'replied' then occurred_at end) as replied_at,
        min(case when event_type = 'bounced' then occurred_at end) as bounced_at,
        min(case when event_type = 'unsubscribed' then occurred_at end) as unsubscribed_at,
        min(case when event_type = 'complained' then occurred_at end) as complained_at
    from {{ ref('int_engagement__message_events') }}
    where message_id in (select message_id from entries)
    group by message_id
)

select
    entries.message_id,
    coalesce(merged.surviving_person_id, entries.person_id) as person_id,
    entries.programme,
    entries.programme_version,
    entries.step,
    entries.occurrence,
    entries.channel,
    entries.variant,
    entries.purpose,
    entries.priority,
    entries.template,
    entries.template_version,
    entries.locale,
    entries.batch_id,
    entries.cost_micros,
    entries.cost_currency,
    entries.state,
    entries.reason,
    entries.is_holdout,
    entries.planned_at,
    entries.claimed_at,
    entries.handed_over_at,
    entries.accepted_at,
    coalesce(entries.delivered_at, events.delivered_at) as delivered_at,
    events.first_opened_at,
    events.first_clicked_at,
    events.read_at,
    events.replied_at,
    events.bounced_at,
    events.unsubscribed_at,
    events.complained_at,
    entries.subject,
    entries.provider,
    entries.provider_message_id,
    entries.cart_id,
    entries.not_before_at,
    entries.updated_at,
    entries.record_id,
    {{ this_build() }} as _build
from entries
left join events on entries.message_id = events.message_id
left join {{ ref('person_merges') }} as merged on entries.person_id = merged.merged_person_id
