with members as (
    select
        members.member_id,
        members.journey_id,
        members.person_id,
        members.is_holdout,
        members.variant,
        members.entered_at,
        members.reached_goal_at,
        journeys.goal_event,
        {{ days_after('members.entered_at', 'journeys.goal_days') }} as counts_until
    from {{ ref('fct_journey_members') }} as members
    inner join {{ ref('dim_journeys') }} as journeys on members.journey_id = journeys.journey_id
    where journeys.goal_event is not null
),

orders as (
    select
        members.member_id,
        orders.order_id,
        orders.ordered_at,
        orders.net_cents,
        orders.currency_code,
        row_number() over (
            partition by members.journey_id, orders.order_id order by members.entered_at desc, members.member_id
        ) as entry_rank
    from members
    inner join {{ ref('fct_orders') }} as orders
        on
            members.person_id = orders.person_id
            and members.entered_at < orders.ordered_at
            and members.counts_until >= orders.ordered_at
    where members.goal_event = 'ordered' and {{ counts_as_order('orders.status') }}
),

firsts as (
    select
        orders.*,
        row_number() over (partition by member_id order by ordered_at, order_id) as order_rank
    from orders
    where entry_rank = 1
)

select
    members.member_id,
    members.journey_id,
    members.person_id,
    members.is_holdout,
    members.variant,
    members.entered_at,
    members.goal_event,
    firsts.order_id,
    coalesce(firsts.ordered_at, members.reached_goal_at) as converted_at,
    coalesce(firsts.net_cents, 0) as revenue_cents,
    firsts.currency_code
from members
left join firsts on members.member_id = firsts.member_id and firsts.order_rank = 1
where
    firsts.order_id is not null
    or (
        members.goal_event <> 'ordered'
        and members.reached_goal_at > members.entered_at
        and members.reached_goal_at <= members.counts_until
    )
