-- what all channels have together is what the tables beneath have
with channels as (
    select
        sum(spend_cents) as spend_cents, sum(visits_count) as visits, sum(leads_count) as leads, sum(orders_count) as orders,
        sum(revenue_cents) as revenue_cents
    from {{ ref('daily_channels') }}
),

beneath as (
    select
        (select sum(spend_cents) from {{ ref('fct_spend') }}) as spend_cents,
        (select count(*) from {{ ref('fct_visits') }} where started_at is not null) as visits,
        (select count(*) from {{ ref('fct_leads') }}) as leads,
        (select count(*) from {{ ref('fct_orders') }} where {{ counts_as_order('status') }}) as orders,
        (select sum(net_cents) from {{ ref('fct_orders') }} where {{ counts_as_order('status') }}) as revenue_cents
)

select *
from channels
cross join beneath
where
    coalesce(channels.spend_cents, 0) <> coalesce(beneath.spend_cents, 0)
    or coalesce(channels.visits, 0) <> beneath.visits
    or coalesce(channels.leads, 0) <> beneath.leads
    or coalesce(channels.orders, 0) <> beneath.orders
    or coalesce(channels.revenue_cents, 0) <> coalesce(beneath.revenue_cents, 0)
