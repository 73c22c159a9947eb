{{ config(materialized='incremental', unique_key='record_id') }}

with arrived as (
    {{ newest_records(ref('stg_ga4__sessions'), versions=['record_updated_at', '_loaded_at']) }}
),

{%- if is_incremental() %}

newly_linked as (
    select sessions.*
    from {{ ref('stg_ga4__sessions') }} as sessions
    where
        sessions.record_id in (
            select visits.record_id
            from {{ own_rows() }} as visits
            inner join {{ ref('int_people__client_ids') }} as clients on visits.client_id = clients.client_id
            where visits.person_id is distinct from clients.person_id
        )
        and sessions.record_id not in (select record_id from arrived)
),
{%- endif %}

sessions as (
    select * from arrived
    {%- if is_incremental() %}
    union all
    {{ ranked_records('newly_linked', 'record_updated_at desc, _loaded_at desc') }}
    {%- endif %}
),

channels as (
    {{ channels_of('sessions') }}
)

select
    sessions.session_id as visit_id,
    sessions.client_id,
    clients.person_id,
    sessions.started_at,
    sessions.source,
    sessions.medium,
    sessions.campaign,
    channels.channel,
    sessions.device,
    countries.country_code,
    sessions.landing_page,
    sessions.page_views_count as page_views,
    sessions.engagement_seconds,
    sessions.record_id,
    sessions.record_updated_at,
    sessions._loaded_at
from sessions
left join {{ ref('int_people__client_ids') }} as clients on sessions.client_id = clients.client_id
left join channels on sessions.source = channels.source and sessions.medium = channels.medium
left join {{ ref('country_names') }} as countries on lower(sessions.country) = countries.country_name
