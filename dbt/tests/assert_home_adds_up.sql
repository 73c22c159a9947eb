-- The days of Home add up to the tables they come from.
with home as (
    select
        sum(visits_count) as visits,
        sum(carts_count) as carts,
        sum(revenue_cents) as revenue,
        sum(messages_delivered_count) as delivered
    from {{ ref('home_daily') }}
),

tables as (
    select
        (select count(*) from {{ ref('fct_visits') }} where started_at is not null) as visits,
        (select count(*) from {{ ref('fct_carts') }} where created_at is not null) as carts,
        (select coalesce(sum(net_cents), 0) from {{ ref('fct_orders') }}) as revenue,
        (
            select count(*) from {{ ref('int_engagement__message_events') }}
            where
                event_type = 'delivered'
                and (message_id is null or message_id not in (select own.message_id from ({{ own_mails() }}) as own))
        ) as delivered
)

select home.*
from home
cross join tables
where
    coalesce(home.visits, 0) <> tables.visits
    or coalesce(home.carts, 0) <> tables.carts
    or coalesce(home.revenue, 0) <> tables.revenue
    or coalesce(home.delivered, 0) <> tables.delivered
