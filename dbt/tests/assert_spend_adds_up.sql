-- spend is what the ad platforms say, with what messages and steps cost
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
        (select sum(cost_micros) / 10000.0 from {{ ref('fct_messages') }} where cost_micros > 0) as messages_cents
)

select *
from spend
cross join beneath
where
    coalesce(spend.ads_cents, 0) <> coalesce(beneath.ads_cents, 0)
    or abs(coalesce(spend.messages_cents, 0) - coalesce(beneath.messages_cents, 0)) > 0.5 * spend.messages_rows
