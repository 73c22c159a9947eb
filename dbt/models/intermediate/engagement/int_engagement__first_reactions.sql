{{ config(materialized='incremental', unique_key=['event_type', 'message'], tags=['hot']) }}

with reactions as (
    select
        event_type,
        coalesce(message_id, provider_message_id, event_key) as message,
        min(cast(occurred_at as date)) as first_day
    from {{ ref('int_engagement__message_events') }}
    where
        event_type in ('opened', 'clicked') and not is_machine
        {%- if is_incremental() %}
        and _build > {{ last_build() }}
        {%- endif %}
    group by 1, 2
)

{%- if is_incremental() %}

, known as (
    select
        event_type, message, first_day
    from {{ own_rows() }}
    where message in (select message from reactions)
)
{%- endif %}

select
    reactions.event_type,
    reactions.message,
    reactions.first_day,
    {{ this_build() }} as _build
from reactions
{%- if is_incremental() %}
left join known on reactions.event_type = known.event_type and reactions.message = known.message
where known.message is null or reactions.first_day < known.first_day
{%- endif %}
