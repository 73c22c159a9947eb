with live as (
    select
        programme, step, variant, channel, kind, hour_at, messages_count, counted_at
    from {{ ref('stg_ledger__counters') }}
    where kind <> 'converted'
),

landed as (
    select max(moments.loaded_at) as loaded_at
    from (
        select max(_loaded_at) as loaded_at from {{ ref('stg_delivery__events') }}
        union all
        select max(_loaded_at) as loaded_at from {{ ref('stg_ledger__entries') }}
    ) as moments
),

erased as (
    select
        programme, step, variant, channel, count(*) as messages_count
    from {{ ref('stg_ledger__entries') }}
    where address = '' and channel in ('email', 'sms', 'whatsapp', 'push')
    group by programme, step, variant, channel
),

compared as (
    select
        coalesce(live.programme, recounted.programme) as programme,
        coalesce(live.step, recounted.step) as step,
        coalesce(live.variant, recounted.variant) as variant,
        coalesce(live.channel, recounted.channel) as channel,
        coalesce(live.kind, recounted.kind) as kind,
        coalesce(live.hour_at, recounted.hour_at) as hour_at,
        coalesce(live.messages_count, 0) as live_count,
        coalesce(recounted.known_count - recounted.tests_count, 0) as warehouse_count,
        coalesce(recounted.arrived_count - recounted.known_count, 0) as machine_count,
        coalesce(recounted.tests_count, 0) as test_count,
        coalesce(live.messages_count, 0) - coalesce(recounted.arrived_count, 0) as open_count,
        live.counted_at
    from live
    full outer join {{ ref('int_reconciliation__recounted') }} as recounted
        on
            live.programme = recounted.programme and live.step = recounted.step and live.variant = recounted.variant
            and live.channel = recounted.channel and live.kind = recounted.kind and live.hour_at = recounted.hour_at
),

explained as (
    select
        compared.*,
        case
            when compared.counted_at > coalesce(landed.loaded_at, timestamp '1970-01-01')
                then compared.open_count
            else 0
        end as late_count,
        coalesce(erased.messages_count, 0) as erased_messages_count
    from compared
    cross join landed
    left join erased
        on
            compared.programme = erased.programme and compared.step = erased.step
            and compared.variant = erased.variant and compared.channel = erased.channel
),

split as (
    select
        *,
        case
            when open_count - late_count > 0 then least(open_count - late_count, erased_messages_count)
            else 0
        end as erased_count
    from explained
)

select
    programme,
    step,
    variant,
    channel,
    kind,
    hour_at,
    cast(live_count as bigint) as live_count,
    cast(warehouse_count as bigint) as warehouse_count,
    cast(live_count - warehouse_count as bigint) as gap_count,
    cast(late_count as bigint) as late_count,
    cast(machine_count as bigint) as machine_count,
    cast(test_count as bigint) as test_count,
    cast(erased_count as bigint) as erased_count,
    cast(open_count - late_count - erased_count as bigint) as unexplained_count
from split
where live_count <> 0 or warehouse_count <> 0 or test_count <> 0 or machine_count <> 0 or open_count <> 0
