with clicks as (
    select
        'message:' || coalesce(message_id, provider_message_id, event_key) as touch_id,
        min(person_id) as person_id,
        min(occurred_at) as touched_at,
        min(channel) as channel,
        min(provider) as source,
        min(campaign) as campaign
    from {{ ref('fct_message_events') }}
    where event_type in ('clicked', 'replied') and not is_machine and person_id is not null
    group by 1
),

visits as (
    select
        'visit:' || record_id as touch_id, person_id, started_at as touched_at, channel, source, medium, campaign, device,
        browser, country_code
    from {{ ref('fct_visits') }}
    where person_id is not null
),

forms as (
    select
        submission_id,
        person_id,
        submitted_at,
        lower(source) as source,
        lower(coalesce(medium, '(none)')) as medium,
        campaign
    from {{ ref('fct_form_submissions') }}
    where person_id is not null and source is not null
),

form_channels as (
    {{ channels_of('forms') }}
),

forms_of_visits as (
    select distinct forms.submission_id
    from forms
    inner join form_channels on forms.source = form_channels.source and forms.medium = form_channels.medium
    inner join visits on forms.person_id = visits.person_id and form_channels.channel = visits.channel
    where
        visits.touched_at <= forms.submitted_at
        and forms.submitted_at <= {{ minutes_after('visits.touched_at', 30) }}
),

after_clicks as (
    select distinct visits.touch_id
    from visits
    inner join clicks on visits.person_id = clicks.person_id
    where
        visits.channel in ('email', 'sms', 'messaging')
        and visits.touched_at >= clicks.touched_at and visits.touched_at <= {{ minutes_after('clicks.touched_at', 30) }}
)

select
    clicks.touch_id,
    'message' as touch_kind,
    clicks.person_id,
    clicks.touched_at,
    clicks.channel,
    clicks.source,
    clicks.channel as medium,
    clicks.campaign,
    campaigns.campaign_id,
    cast(null as varchar) as device,
    cast(null as varchar) as browser,
    cast(null as varchar) as country_code
from clicks
left join {{ ref('dim_campaigns') }} as campaigns on clicks.campaign = campaigns.programme
union all
select
    visits.touch_id,
    'visit' as touch_kind,
    visits.person_id,
    visits.touched_at,
    coalesce(visits.channel, 'unknown') as channel,
    visits.source,
    visits.medium,
    visits.campaign,
    links.campaign_id,
    visits.device,
    visits.browser,
    visits.country_code
from visits
left join {{ ref('int_campaigns__links') }} as links on visits.campaign = links.campaign
where visits.touch_id not in (select touch_id from after_clicks)
union all
select
    'form:' || forms.submission_id as touch_id,
    'form' as touch_kind,
    forms.person_id,
    forms.submitted_at as touched_at,
    coalesce(form_channels.channel, 'unknown') as channel,
    forms.source,
    forms.medium,
    forms.campaign,
    links.campaign_id,
    cast(null as varchar) as device,
    cast(null as varchar) as browser,
    cast(null as varchar) as country_code
from forms
left join form_channels on forms.source = form_channels.source and forms.medium = form_channels.medium
left join {{ ref('int_campaigns__links') }} as links on forms.campaign = links.campaign
where forms.submission_id not in (select submission_id from forms_of_visits)
