with events as (
    select
        message_id,
        occurred_at,
        _build,
        case
            when event_type = 'opened' and not is_machine then 'open_human'
            when event_type = 'opened' then 'open_machine'
            when event_type = 'clicked' and not is_machine then 'click'
            when event_type = 'read' then 'read'
            when event_type = 'replied' then 'reply'
            when event_type = 'unsubscribed' then 'unsubscribe'
            when event_type = 'complained' then 'complaint'
        end as kind
    from {{ ref('int_engagement__message_events') }}
    where event_type in ('opened', 'clicked', 'read', 'replied', 'unsubscribed', 'complained')
),

metrics as (
    select
        'open_human' as kind, 'open_human' as metric
    union all
    select
        'open_human' as kind, 'open_raw' as metric
    union all
    select
        'open_machine' as kind, 'open_raw' as metric
    union all
    select
        'click' as kind, 'click' as metric
    union all
    select
        'read' as kind, 'read' as metric
    union all
    select
        'reply' as kind, 'reply' as metric
    union all
    select
        'unsubscribe' as kind, 'unsubscribe' as metric
    union all
    select
        'complaint' as kind, 'complaint' as metric
)

select
    events.message_id,
    metrics.metric,
    events.occurred_at,
    events._build
from events
inner join metrics on events.kind = metrics.kind
