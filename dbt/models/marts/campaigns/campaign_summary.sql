with spend as (
    select
        spend.campaign_id,
        sum(case when spend.currency_code = campaigns.currency_code then spend.spend_cents else 0 end) as spend_cents,
        sum(case when spend.currency_code = campaigns.currency_code and spend.kind = 'ads' then spend.spend_cents else 0 end)
            as ads_cents,
        sum(case when spend.currency_code = campaigns.currency_code then 0 else 1 end) as other_currency_spend_count
    from {{ ref('fct_spend') }} as spend
    inner join {{ ref('dim_campaigns') }} as campaigns on spend.campaign_id = campaigns.campaign_id
    group by spend.campaign_id
),

results as (
    select
        campaign_id,
        sum(messages_count) as messages_count,
        sum(sent_count) as sent_count,
        sum(delivered_count) as delivered_count,
        sum(opened_count) as opened_count,
        sum(clicked_count) as clicked_count,
        sum(held_out_count) as held_out_count,
        sum(conversions_count) as conversions_count,
        sum(clicked_conversions_count) as clicked_conversions_count,
        sum(revenue_cents) as revenue_cents
    from {{ ref('campaign_results') }}
    group by campaign_id
),

leads as (
    select
        campaign_id,
        count(*) as leads_count,
        count(mql_at) as mqls_count,
        count(sql_at) as sqls_count,
        count(won_at) as won_count
    from {{ ref('fct_leads') }}
    where campaign_id is not null
    group by campaign_id
),

lift as (
    select
        campaign_id,
        written_to_count,
        held_out_count,
        written_to_buyers_count * 1.0 / nullif(written_to_count, 0) as written_to_rate,
        held_out_buyers_count * 1.0 / nullif(held_out_count, 0) as held_out_rate
    from {{ ref('campaign_lift') }}
),

bounds as (
    select
        lift.*,
        {{ wilson_bound('written_to_rate', 'written_to_count', '-') }} as written_to_low,
        {{ wilson_bound('written_to_rate', 'written_to_count', '+') }} as written_to_high,
        {{ wilson_bound('held_out_rate', 'held_out_count', '-') }} as held_out_low,
        {{ wilson_bound('held_out_rate', 'held_out_count', '+') }} as held_out_high
    from lift
),

differences as (
    select
        bounds.*,
        written_to_rate - held_out_rate as lift,
        written_to_rate - held_out_rate - sqrt(
            (written_to_rate - written_to_low) * (written_to_rate - written_to_low)
            + (held_out_high - held_out_rate) * (held_out_high - held_out_rate)
        ) as lift_low,
        written_to_rate - held_out_rate + sqrt(
            (written_to_high - written_to_rate) * (written_to_high - written_to_rate)
            + (held_out_rate - held_out_low) * (held_out_rate - held_out_low)
        ) as lift_high
    from bounds
)

select
    campaigns.campaign_id,
    campaigns.programme,
    campaigns.campaign_name,
    campaigns.status,
    campaigns.started_at,
    campaigns.ended_at,
    campaigns.currency_code,
    cast(campaigns.budget_cents as bigint) as budget_cents,
    cast(coalesce(spend.spend_cents, 0) as bigint) as spend_cents,
    cast(coalesce(spend.ads_cents, 0) as bigint) as ads_cents,
    cast(coalesce(spend.other_currency_spend_count, 0) as bigint) as other_currency_spend_count,
    cast(coalesce(results.messages_count, 0) as bigint) as messages_count,
    cast(coalesce(results.sent_count, 0) as bigint) as sent_count,
    cast(coalesce(results.delivered_count, 0) as bigint) as delivered_count,
    cast(coalesce(results.opened_count, 0) as bigint) as opened_count,
    cast(coalesce(results.clicked_count, 0) as bigint) as clicked_count,
    cast(coalesce(results.held_out_count, 0) as bigint) as held_out_count,
    cast(coalesce(results.conversions_count, 0) as bigint) as conversions_count,
    cast(coalesce(results.clicked_conversions_count, 0) as bigint) as clicked_conversions_count,
    cast(coalesce(results.revenue_cents, 0) as bigint) as revenue_cents,
    cast(coalesce(leads.leads_count, 0) as bigint) as leads_count,
    cast(coalesce(leads.mqls_count, 0) as bigint) as mqls_count,
    cast(coalesce(leads.sqls_count, 0) as bigint) as sqls_count,
    cast(coalesce(leads.won_count, 0) as bigint) as won_count,
    cast(differences.lift as double) as lift,
    cast(differences.lift_low as double) as lift_low,
    cast(differences.lift_high as double) as lift_high,
    cast(differences.lift * differences.written_to_count as double) as incremental_conversions,
    cast(differences.lift_low * differences.written_to_count as double) as incremental_conversions_low,
    cast(differences.lift_high * differences.written_to_count as double) as incremental_conversions_high
from {{ ref('dim_campaigns') }} as campaigns
left join spend on campaigns.campaign_id = spend.campaign_id
left join results on campaigns.campaign_id = results.campaign_id
left join leads on campaigns.campaign_id = leads.campaign_id
left join differences on campaigns.campaign_id = differences.campaign_id
