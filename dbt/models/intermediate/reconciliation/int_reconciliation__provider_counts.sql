with category_days as (
    select * from {{ ref('stg_sendgrid__category_days') }}
),

mails as (
    {%- for kind, counted in [
        ('accepted', 'requests'), ('delivered', 'delivered'), ('bounced', 'bounced'), ('dropped', 'dropped'),
        ('complained', 'complained')
    ] %}
    select
        category as programme, '{{ kind }}' as kind, cast(day as timestamp) as begins_at, {{ counted }}_count as messages_count
    from category_days
    where {{ counted }}_count > 0
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

texts as (
    select
        entries.message_id,
        entries.programme,
        entries.channel,
        entries.accepted_at,
        entries.delivered_at,
        messages.created_at,
        messages.updated_at,
        case
            when messages.status in ('delivered', 'read') then 'delivered'
            when messages.status = 'undelivered' then 'bounced'
            when messages.status in ('failed', 'canceled') then 'dropped'
        end as kind
    from {{ ref('stg_twilio__messages') }} as messages
    inner join {{ ref('stg_ledger__entries') }} as entries on messages.provider_message_id = entries.provider_message_id
    where messages.direction = 'outbound' and entries.provider = 'twilio'
),

heard as (
    select
        message_id,
        case when event_type in ('bounced', 'dropped') then event_type else 'delivered' end as kind,
        occurred_at
    from {{ ref('int_engagement__message_events') }}
    where
        event_type in ('delivered', 'bounced', 'dropped', 'opened', 'clicked', 'read')
        and message_id in (select texts.message_id from texts)
    union all
    select message_id, 'delivered' as kind, delivered_at as occurred_at
    from texts
    where delivered_at is not null
),

heard_first as (
    select message_id, kind, min(occurred_at) as occurred_at
    from heard
    group by message_id, kind
),

text_marks as (
    select
        programme, channel, 'accepted' as kind, date_trunc('hour', coalesce(accepted_at, created_at)) as begins_at
    from texts
    union all
    select
        texts.programme,
        texts.channel,
        texts.kind,
        date_trunc('hour', coalesce(heard_first.occurred_at, texts.updated_at)) as begins_at
    from texts
    left join heard_first on texts.message_id = heard_first.message_id and texts.kind = heard_first.kind
    where texts.kind is not null
)

select
    'sendgrid' as provider, programme, 'email' as channel, kind, 'day' as grain, begins_at,
    cast(messages_count as bigint) as messages_count
from mails
union all
select
    'twilio' as provider, programme, channel, kind, 'hour' as grain, begins_at, count(*) as messages_count
from text_marks
group by programme, channel, kind, begins_at
