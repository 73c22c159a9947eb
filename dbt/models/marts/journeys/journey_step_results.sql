with messages as (
    select
        journeys.journey_id,
        messages.programme_version as version,
        messages.step,
        messages.channel,
        messages.variant,
        count(*) as messages_count,
        sum(case when messages.state in ('accepted', 'delivered') then 1 else 0 end) as sent_count,
        sum(case when messages.delivered_at is not null then 1 else 0 end) as delivered_count,
        sum(case when messages.first_opened_at is not null then 1 else 0 end) as opened_count,
        sum(case when messages.first_clicked_at is not null then 1 else 0 end) as clicked_count,
        sum(case when messages.state = 'held_out' then 1 else 0 end) as held_out_count,
        sum(case when messages.state in ('suppressed', 'expired', 'rejected') then 1 else 0 end) as stopped_count,
        sum(case when messages.state in ('accepted', 'delivered') then coalesce(messages.cost_micros, 0) else 0 end)
            as cost_micros
    from {{ ref('fct_messages') }} as messages
    inner join {{ ref('dim_journeys') }} as journeys on messages.programme = journeys.programme
    group by journeys.journey_id, messages.programme_version, messages.step, messages.channel, messages.variant
)

select
    journey_id,
    version,
    step,
    channel,
    variant,
    cast(messages_count as bigint) as messages_count,
    cast(sent_count as bigint) as sent_count,
    cast(delivered_count as bigint) as delivered_count,
    cast(opened_count as bigint) as opened_count,
    cast(clicked_count as bigint) as clicked_count,
    cast(held_out_count as bigint) as held_out_count,
    cast(stopped_count as bigint) as stopped_count,
    cast(cost_micros as bigint) as cost_micros
from messages
