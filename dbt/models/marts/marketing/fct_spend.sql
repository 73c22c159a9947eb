{{ config(tags=['hot']) }}

with ads as (
    select
        spend_date, platform, campaign, currency_code, spend_cents, impressions, clicks, platform as source,
        'cpc' as medium
    from {{ ref('fct_ad_spend') }}
),

channels as (
    {{ channels_of('ads') }}
),

ad_campaigns as (
    select
        written.campaign, names.campaign_id
    from (select distinct campaign from ads) as written
    inner join {{ ref('int_campaigns__names') }} as names on {{ slug_of('written.campaign') }} = names.slug
),

-- a price that the plan names for a message goes before what the ledger noted, as in the campaign's monitor
priced_steps as (
    select steps.programme, steps.step, steps.cost_micros_each, campaigns.currency_code
    from {{ ref('dim_campaign_steps') }} as steps
    inner join {{ ref('dim_campaigns') }} as campaigns on steps.campaign_id = campaigns.campaign_id
    where steps.cost_micros_each > 0
),

message_costs as (
    select
        cast(coalesce(messages.accepted_at, messages.handed_over_at, messages.updated_at) as date) as spend_date,
        messages.programme,
        messages.step,
        messages.channel,
        coalesce(priced_steps.currency_code, messages.cost_currency, 'XXX') as currency_code,
        case
            when priced_steps.step is null then messages.cost_micros
            when messages.accepted_at is not null then priced_steps.cost_micros_each
        end as cost_micros
    from {{ ref('fct_messages') }} as messages
    left join priced_steps on messages.programme = priced_steps.programme and messages.step = priced_steps.step
),

messages as (
    select
        spend_date,
        programme,
        step,
        channel,
        currency_code,
        cast(round(sum(cost_micros) / 10000.0, 0) as bigint) as spend_cents
    from message_costs
    where cost_micros > 0
    group by spend_date, programme, step, channel, currency_code
),

steps as (
    select
        cast(steps.due_at as date) as spend_date,
        steps.campaign_id,
        steps.programme,
        steps.step,
        steps.channel,
        campaigns.currency_code,
        steps.cost_cents
    from {{ ref('dim_campaign_steps') }} as steps
    inner join {{ ref('dim_campaigns') }} as campaigns on steps.campaign_id = campaigns.campaign_id
    where
        steps.cost_cents > 0 and campaigns.started_at is not null
        and steps.due_at <= coalesce(campaigns.ended_at, {{ workspace_now() }})
)

select
    'ads:' || ads.platform || ':' || ads.campaign || ':' || ads.currency_code || ':' || ads.spend_date as spend_key,
    ads.spend_date,
    'ads' as kind,
    coalesce(channels.channel, 'other') as channel,
    ads.platform,
    ads.campaign,
    ad_campaigns.campaign_id,
    cast(null as varchar) as step,
    ads.spend_cents,
    ads.currency_code,
    cast(ads.impressions as bigint) as impressions_count,
    cast(ads.clicks as bigint) as clicks_count
from ads
left join channels on ads.source = channels.source and ads.medium = channels.medium
left join ad_campaigns on ads.campaign = ad_campaigns.campaign
union all
select
    'messages:' || messages.programme || ':' || messages.step || ':' || messages.channel || ':' || messages.currency_code
        || ':' || messages.spend_date as spend_key,
    messages.spend_date,
    'messages' as kind,
    messages.channel,
    cast(null as varchar) as platform,
    messages.programme as campaign,
    campaigns.campaign_id,
    messages.step,
    messages.spend_cents,
    messages.currency_code,
    cast(null as bigint) as impressions_count,
    cast(null as bigint) as clicks_count
from messages
left join {{ ref('dim_campaigns') }} as campaigns on messages.programme = campaigns.programme
union all
select
    'step:' || steps.programme || ':' || steps.step as spend_key,
    steps.spend_date,
    'step' as kind,
    steps.channel,
    cast(null as varchar) as platform,
    steps.programme as campaign,
    steps.campaign_id,
    steps.step,
    steps.cost_cents as spend_cents,
    steps.currency_code,
    cast(null as bigint) as impressions_count,
    cast(null as bigint) as clicks_count
from steps
