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
        entries.programme, entries.channel, messages.status, messages.created_at, messages.updated_at
    from {{ ref('stg_twilio__messages') }} as messages
    inner join {{ ref('stg_ledger__entries') }} as entries on messages.provider_message_id = entries.provider_message_id
    where messages.direction = 'outbound' and entries.provider = 'twilio'
),

text_marks as (
    select
        programme, channel, 'accepted' as kind, date_trunc('hour', created_at) as begins_at
    from texts
    union all
    select
        programme,
        channel,
        case
            when status = 'undelivered' then 'bounced' when status in ('failed', 'canceled') then 'dropped'
            else 'delivered'
        end as kind,
        date_trunc('hour', updated_at) as begins_at
    from texts
    where status in ('delivered', 'read', 'undelivered', 'failed', 'canceled')
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
