with counted as (
    select * from {{ ref('int_reconciliation__provider_counts') }}
),

read_at as (
    select
        source as provider, max(finished_at) as read_at
    from {{ ref('capture_runs') }}
    where
        coalesce(error, '') = ''
        and ((source = 'sendgrid' and resource = 'category_days') or (source = 'twilio' and resource = 'messages'))
    group by source
),

known_from as (
    select
        provider, grain, min(begins_at) as known_from
    from counted
    group by provider, grain
),

sent as (
    select
        programme, channel, min(provider) as provider
    from {{ ref('stg_ledger__entries') }}
    where accepted_at is not null
    group by programme, channel
    having count(distinct provider) = 1
),

compared as (
    select
        sent.provider, sent.programme, sent.channel, read_at.read_at, known_from.known_from, known_from.grain
    from sent
    inner join read_at on sent.provider = read_at.provider
    inner join known_from on sent.provider = known_from.provider
),

ours as (
    select
        compared.provider,
        counters.programme,
        counters.channel,
        counters.kind,
        case when compared.grain = 'hour' then counters.hour_at else date_trunc('day', counters.hour_at) end as begins_at,
        sum(counters.live_count) as live_count,
        sum(counters.warehouse_count) as warehouse_count
    from {{ ref('counters_by_hour') }} as counters
    inner join compared on counters.programme = compared.programme and counters.channel = compared.channel
    where
        counters.kind in ('accepted', 'delivered', 'bounced', 'dropped')
        or (counters.kind = 'complained' and compared.provider = 'sendgrid')
    group by 1, 2, 3, 4, 5
),

beside as (
    select
        coalesce(ours.provider, theirs.provider) as provider,
        coalesce(ours.programme, theirs.programme) as programme,
        coalesce(ours.channel, theirs.channel) as channel,
        coalesce(ours.kind, theirs.kind) as kind,
        coalesce(ours.begins_at, theirs.begins_at) as begins_at,
        coalesce(ours.live_count, 0) as live_count,
        coalesce(ours.warehouse_count, 0) as warehouse_count,
        coalesce(theirs.messages_count, 0) as provider_count
    from ours
    full outer join counted as theirs
        on
            ours.provider = theirs.provider and ours.programme = theirs.programme and ours.channel = theirs.channel
            and ours.kind = theirs.kind and ours.begins_at = theirs.begins_at
),

settled as (
    select
        beside.*,
        compared.grain,
        compared.read_at,
        compared.read_at >= {{ minutes_after(
            'beside.begins_at', "case when compared.grain = 'hour' then 120 else 1500 end"
        ) }} as is_settled
    from beside
    inner join compared
        on
            beside.provider = compared.provider and beside.programme = compared.programme
            and beside.channel = compared.channel
    where beside.begins_at >= date_trunc('day', compared.known_from)
)

select
    provider,
    programme,
    channel,
    kind,
    grain,
    begins_at,
    cast(live_count as bigint) as live_count,
    cast(warehouse_count as bigint) as warehouse_count,
    cast(provider_count as bigint) as provider_count,
    cast(provider_count - live_count as bigint) as gap_count,
    cast(case when is_settled then 0 else provider_count - live_count end as bigint) as late_count,
    cast(case when is_settled then provider_count - live_count else 0 end as bigint) as unexplained_count,
    read_at
from settled
