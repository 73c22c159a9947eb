{{ config(materialized='incremental', incremental_strategy='rewrite_known', unique_key='event_key', tags=['hot']) }}

with received as (
    {{ first_records(ref('stg_delivery__events'), own="event_key not like 'import:%'") }}
),

imported as (
    select * from {{ ref('stg_import__events') }}
    {{ where_written_since() }}
),

unioned as (
    select
        event_key, record_id, provider, message_id, provider_message_id, channel, source_event, email, phone,
        occurred_at, url, user_agent, is_machine_by_provider, reason, _loaded_at
    from received
    union all
    select
        event_key, record_id, provider, null as message_id, provider_message_id, channel, source_event, email,
        null as phone, occurred_at, url, user_agent, false as is_machine_by_provider, null as reason, _loaded_at
    from imported
),

typed as (
    select
        unioned.*,
        event_types.event_type,
        event_types.event_type in ('opened', 'clicked') and (
            unioned.is_machine_by_provider
            or coalesce({{ is_machine_user_agent('unioned.user_agent') }}, false)
        ) as is_machine
    from unioned
    inner join {{ ref('event_types') }} as event_types on unioned.source_event = event_types.source_event
),

events as (
    select {{ message_event_columns() }} from typed
    {%- if is_incremental() %}
    union all
    select {{ message_event_columns() }} from {{ own_rows() }}
    where
        email in (
            select changed.email from {{ ref('person_contacts') }} as changed
            where changed._build > {{ last_build() }}
        )
        or phone in (
            select changed.phone from {{ ref('person_contacts') }} as changed
            where changed._build > {{ last_build() }}
        )
    {%- endif %}
),

{{ people_at_addresses('events') }}

select
    {{ message_event_columns('events') }},
    coalesce(by_email.person_id, by_phone.person_id) as person_id,
    {{ this_build() }} as _build
from events
left join by_email on events.email = by_email.address
left join by_phone on events.phone = by_phone.address
