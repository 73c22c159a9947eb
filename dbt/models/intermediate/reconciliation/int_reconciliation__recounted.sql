with ours as (
    select *
    from {{ ref('stg_delivery__events') }}
    where
        message_id in (select known.message_id from {{ ref('stg_ledger__entries') }} as known)
        or (message_id is null and source_event like 'dmat:%' and place_programme is not null)
),

received as (
    {{ once_a_record('ours', '_loaded_at, record_updated_at, payload_hash') }}
),

events as (
    select
        received.message_id,
        event_types.event_type,
        received.occurred_at,
        received.channel,
        received.place_programme,
        received.place_step,
        received.place_variant,
        received.source_event like 'dmat:%' as was_received,
        event_types.event_type in ('opened', 'clicked') as has_machines,
        received.was_machine,
        received.is_machine_by_provider
        or coalesce({{ is_machine_user_agent('received.user_agent') }}, false) as is_machine
    from received
    inner join {{ ref('event_types') }} as event_types on received.source_event = event_types.source_event
),

entries as (
    select
        message_id, programme, step, variant, channel, state, accepted_at, delivered_at, updated_at,
        purpose = 'test' or programme like 'test:%' as is_test,
        address = '' as is_erased
    from {{ ref('stg_ledger__entries') }}
),

marks as (
    select
        message_id,
        case
            when not has_machines then event_type
            when was_machine then event_type || '_machine'
            else event_type || '_human'
        end as kind,
        case
            when not has_machines then event_type
            when is_machine then event_type || '_machine'
            else event_type || '_human'
        end as kind_now,
        occurred_at
    from events
    where message_id is not null and event_type <> 'deferred'
    union all
    select
        message_id, 'accepted' as kind, 'accepted' as kind_now, occurred_at
    from events
    where message_id is not null and event_type <> 'replied'
    union all
    select
        message_id, 'delivered' as kind, 'delivered' as kind_now, occurred_at
    from events
    where message_id is not null and event_type in ('opened', 'clicked', 'complained', 'read', 'shown')
    union all
    select
        message_id, 'accepted' as kind, 'accepted' as kind_now, accepted_at as occurred_at
    from entries
    where accepted_at is not null
    union all
    select
        message_id, 'delivered' as kind, 'delivered' as kind_now, delivered_at as occurred_at
    from entries
    where delivered_at is not null
    union all
    select
        message_id, 'failed' as kind, 'failed' as kind_now, updated_at as occurred_at
    from entries
    where state = 'rejected' and accepted_at is null
),

as_arrived as (
    select
        message_id, kind, date_trunc('hour', min(occurred_at)) as hour_at
    from marks
    group by message_id, kind
),

as_known_now as (
    select
        message_id, kind_now as kind, date_trunc('hour', min(occurred_at)) as hour_at
    from marks
    group by message_id, kind_now
),

counted as (
    select
        entries.programme, entries.step, entries.variant, entries.channel, as_arrived.kind, as_arrived.hour_at,
        1 as arrived_count, 0 as known_count, 0 as tests_count
    from as_arrived
    inner join entries on as_arrived.message_id = entries.message_id
    union all
    select
        entries.programme, entries.step, entries.variant, entries.channel, as_known_now.kind, as_known_now.hour_at,
        0 as arrived_count, 1 as known_count, case when entries.is_test then 1 else 0 end as tests_count
    from as_known_now
    inner join entries on as_known_now.message_id = entries.message_id
    union all
    select
        place_programme as programme, place_step as step, place_variant as variant, channel,
        case
            when event_type = 'shown' then 'shown'
            when was_machine then 'clicked_machine'
            else 'clicked_human'
        end as kind,
        date_trunc('hour', occurred_at) as hour_at,
        1 as arrived_count, 1 as known_count, 0 as tests_count
    from events
    where
        message_id is null and was_received and place_programme is not null and place_step is not null
        and event_type in ('shown', 'clicked')
)

select
    programme, step, variant, channel, kind, hour_at,
    sum(arrived_count) as arrived_count,
    sum(known_count) as known_count,
    sum(tests_count) as tests_count
from counted
group by programme, step, variant, channel, kind, hour_at
