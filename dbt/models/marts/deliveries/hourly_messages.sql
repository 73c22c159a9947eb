{{ config(materialized='incremental', unique_key='hour_at', tags=['hot']) }}

-- hours in which a message was taken that changed since: a message keeps the moment at which it was taken

with messages as (
    select
        date_trunc('hour', accepted_at) as hour_at,
        delivered_at is not null as is_delivered,
        fct_messages.*
    from {{ ref('fct_messages') }} as fct_messages
    where
        accepted_at is not null
        {%- if is_incremental() %}
        and date_trunc('hour', accepted_at) in (
            select date_trunc('hour', changed.accepted_at) from {{ ref('fct_messages') }} as changed
            where changed._build > {{ last_build() }} and changed.accepted_at is not null
        )
        {%- endif %}
)

select
    hour_at,
    programme,
    step,
    channel,
    variant,
    template,
    locale,
    purpose,
    provider,
    cost_currency,
    count(*) as messages_count,
    count(delivered_at) as delivered_count,
    cast(sum(case when is_delivered and first_opened_at is not null then 1 else 0 end) as bigint) as opened_count,
    cast(sum(case when is_delivered and first_clicked_at is not null then 1 else 0 end) as bigint) as clicked_count,
    cast(sum(case when is_delivered and coalesce(read_at, first_opened_at) is not null then 1 else 0 end) as bigint)
        as read_count,
    cast(sum(case when is_delivered and replied_at is not null then 1 else 0 end) as bigint) as replied_count,
    count(bounced_at) as bounced_count,
    cast(sum(case when is_delivered and unsubscribed_at is not null then 1 else 0 end) as bigint) as unsubscribed_count,
    cast(sum(case when is_delivered and complained_at is not null then 1 else 0 end) as bigint) as complained_count,
    cast(sum(cost_micros) as bigint) as cost_micros,
    {{ this_build() }} as _build
from messages
group by hour_at, programme, step, channel, variant, template, locale, purpose, provider, cost_currency
