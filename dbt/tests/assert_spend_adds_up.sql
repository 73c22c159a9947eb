-- spend is what the ad platforms say, with what messages cost: by the plan's price of a step, else by the ledger
with spend as (
    select
        sum(case when kind = 'ads' then spend_cents else 0 end) as ads_cents,
        sum(case when kind = 'messages' then spend_cents else 0 end) as messages_cents,
        count(distinct case when kind = 'messages' then spend_key end) as messages_rows
    from {{ ref('fct_spend') }}
),

beneath as (
    select
        (select sum(spend_cents) from {{ ref('fct_ad_spend') }}) as ads_cents,
        (
            select sum(messages.cost_micros) / 10000.0
            from {{ ref('fct_messages') }} as messages
            where messages.cost_micros > 0 and not exists (
                select 1 from {{ ref('dim_campaign_steps') }} as steps
                where steps.programme = messages.programme and steps.step = messages.step and steps.cost_micros_each > 0
            )
        ) as noted_cents,
        (
            select sum(steps.cost_micros_each) / 10000.0
            from {{ ref('fct_messages') }} as messages
            inner join {{ ref('dim_campaign_steps') }} as steps
                on messages.programme = steps.programme and messages.step = steps.step
            where steps.cost_micros_each > 0 and messages.accepted_at is not null
        ) as planned_cents
)

select *
from spend
cross join beneath
where
    coalesce(spend.ads_cents, 0) <> coalesce(beneath.ads_cents, 0)
    or abs(
        coalesce(spend.messages_cents, 0) - coalesce(beneath.noted_cents, 0) - coalesce(beneath.planned_cents, 0)
    ) > 0.5 * spend.messages_rows
