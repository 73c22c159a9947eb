with visitors as (
    select
        coalesce('person:' || person_id, 'client:' || client_id) as unit_key,
        min(person_id) as person_id,
        min(started_at) as first_visit_at,
        {{ first_by('channel', seconds_of('started_at')) }} as channel,
        {{ first_by('source', seconds_of('started_at')) }} as source,
        {{ first_by('campaign', seconds_of('started_at')) }} as campaign,
        {{ first_by('country_code', seconds_of('started_at')) }} as country_code,
        {{ first_by('device', seconds_of('started_at')) }} as device,
        {{ first_by('browser', seconds_of('started_at')) }} as browser
    from {{ ref('fct_visits') }}
    where person_id is not null or client_id is not null
    group by 1
),

units as (
    select
        coalesce(leads.lead_key, visitors.unit_key) as unit_key,
        coalesce(leads.person_id, visitors.person_id) as person_id,
        leads.lead_key,
        leads.lead_source,
        coalesce(leads.channel, visitors.channel, 'unknown') as channel,
        case when leads.lead_key is null then visitors.source else leads.source end as source,
        case when leads.lead_key is null then visitors.campaign else leads.campaign end as campaign,
        leads.campaign_id as lead_campaign_id,
        coalesce(leads.country_code, visitors.country_code) as country_code,
        coalesce(leads.device, visitors.device) as device,
        coalesce(leads.browser, visitors.browser) as browser,
        visitors.first_visit_at as visitor_at,
        leads.created_at as lead_at,
        leads.mql_at,
        leads.sql_at,
        leads.won_at,
        leads.lost_at
    from visitors
    full outer join {{ ref('fct_leads') }} as leads on visitors.unit_key = leads.lead_key
),

stages as (
    {%- for stage in ['visitor', 'lead', 'mql', 'sql', 'won'] %}
    {%- set later = ['visitor', 'lead', 'mql', 'sql', 'won'][loop.index0:] %}
    {%- set following = later[1:] %}
    select
        units.*,
        '{{ stage }}' as stage,
        {{ loop.index }} as stage_number,
        {{ stage }}_at as said_at,
        least({{ later | join('_at, ') }}_at) as entered_at,
        {% if following | length > 1 %}least({{ following | join('_at, ') }}_at)
        {%- elif following %}{{ following[0] }}_at
        {%- else %}cast(null as timestamp)
        {%- endif %} as next_entered_at
    from units
    where coalesce({{ later | join('_at, ') }}_at) is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    stages.unit_key,
    cast(stages.person_id as bigint) as person_id,
    stages.lead_key,
    stages.stage,
    stages.stage_number,
    stages.entered_at,
    stages.next_entered_at,
    case
        when stages.next_entered_at is not null and stages.said_at = stages.entered_at
            then {{ days_between_moments('stages.entered_at', 'stages.next_entered_at') }}
    end as days_in_stage,
    stages.said_at is null or stages.said_at > stages.entered_at as is_implied,
    stages.next_entered_at is not null as has_advanced,
    stages.next_entered_at is null and stages.lost_at is not null as is_lost,
    stages.lead_source,
    stages.channel,
    stages.source,
    stages.campaign,
    coalesce(stages.lead_campaign_id, links.campaign_id) as campaign_id,
    stages.country_code,
    stages.device,
    stages.browser
from stages
left join {{ ref('int_campaigns__links') }} as links on stages.campaign = links.campaign
