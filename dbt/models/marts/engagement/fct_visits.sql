{{ config(materialized='incremental', unique_key='record_id', tags=['hot']) }}

with sessions as (
    {{ newest_records(ref('stg_ga4__sessions'), versions=['record_updated_at', '_loaded_at']) }}
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
    sessions._loaded_at,
    sessions.browser,
    {{ this_build() }} as _build
from sessions
left join {{ ref('int_people__client_ids') }} as clients on sessions.client_id = clients.client_id
left join channels on sessions.source = channels.source and sessions.medium = channels.medium
left join {{ ref('country_names') }} as countries on lower(sessions.country) = countries.country_name
{%- if is_incremental() %}
union all
select
    visits.visit_id,
    visits.client_id,
    clients.person_id,
    visits.started_at,
    visits.source,
    visits.medium,
    visits.campaign,
    visits.channel,
    visits.device,
    visits.country_code,
    visits.landing_page,
    visits.page_views,
    visits.engagement_seconds,
    visits.record_id,
    visits.record_updated_at,
    visits._loaded_at,
    {{ own_column('visits', 'browser', 'varchar') }} as browser,
    {{ this_build() }} as _build
from {{ own_rows() }} as visits
inner join {{ ref('int_people__client_ids') }} as clients on visits.client_id = clients.client_id
where
    clients._build > {{ last_build() }}
    and visits.person_id is distinct from clients.person_id
    and visits.record_id not in (select record_id from sessions)
{%- endif %}
