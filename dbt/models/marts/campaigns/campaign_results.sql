{{ config(tags=['hot']) }}

with messages as (
    select
        campaigns.campaign_id,
        messages.step,
        messages.channel,
        messages.variant,
        min(campaigns.currency_code) as currency_code,
        count(*) as messages_count,
        sum(case when messages.state in ('accepted', 'delivered') then 1 else 0 end) as sent_count,
        sum(case when messages.delivered_at is not null then 1 else 0 end) as delivered_count,
        sum(case when messages.first_opened_at is not null then 1 else 0 end) as opened_count,
        sum(case when messages.first_clicked_at is not null then 1 else 0 end) as clicked_count,
        sum(case when messages.state = 'held_out' then 1 else 0 end) as held_out_count,
        max(messages.updated_at) as updated_at
    from {{ ref('fct_messages') }} as messages
    inner join {{ ref('dim_campaigns') }} as campaigns on messages.programme = campaigns.programme
    group by campaigns.campaign_id, messages.step, messages.channel, messages.variant
),

conversions as (
    select
        campaign_id,
        step,
        channel,
        variant,
        count(*) as conversions_count,
        sum(case when has_clicked then 1 else 0 end) as clicked_conversions_count,
        sum(case when is_in_campaign_currency then 0 else 1 end) as other_currency_conversions_count,
        sum(revenue_cents) as revenue_cents
    from {{ ref('fct_campaign_conversions') }}
    where not is_holdout
    group by campaign_id, step, channel, variant
)

select
    messages.campaign_id,
    messages.step,
    messages.channel,
    messages.variant,
    messages.messages_count,
    cast(messages.sent_count as bigint) as sent_count,
    cast(messages.delivered_count as bigint) as delivered_count,
    cast(messages.opened_count as bigint) as opened_count,
    cast(messages.clicked_count as bigint) as clicked_count,
    cast(messages.held_out_count as bigint) as held_out_count,
    coalesce(conversions.conversions_count, 0) as conversions_count,
    cast(coalesce(conversions.clicked_conversions_count, 0) as bigint) as clicked_conversions_count,
    cast(coalesce(conversions.other_currency_conversions_count, 0) as bigint) as other_currency_conversions_count,
    cast(coalesce(conversions.revenue_cents, 0) as bigint) as revenue_cents,
    messages.currency_code,
    messages.updated_at
from messages
left join conversions
    on
        messages.campaign_id = conversions.campaign_id
        and messages.step = conversions.step
        and messages.channel = conversions.channel
        and messages.variant = conversions.variant
