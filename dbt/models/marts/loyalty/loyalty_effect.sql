with people as (
    select
        members.person_id, members.joined_at as since_at, members.holdout_share, 'members' as arm
    from {{ ref('dim_loyalty_members') }} as members
    where members.holdout_share > 0
    union all
    select
        held_out.person_id, held_out.held_out_at as since_at, held_out.holdout_share, 'held_out' as arm
    from {{ ref('stg_loyalty__held_out') }} as held_out
    inner join {{ ref('dim_people') }} as known on held_out.person_id = known.person_id
    left join {{ ref('dim_loyalty_members') }} as members on held_out.person_id = members.person_id
    where members.person_id is null
),

orders as (
    select
        people.person_id,
        bought.currency_code,
        sum(bought.net_cents) as revenue_cents
    from people
    inner join {{ ref('fct_orders') }} as bought on people.person_id = bought.person_id
    where bought.ordered_at > people.since_at and {{ counts_as_order('bought.status') }}
    group by people.person_id, bought.currency_code
),

currencies as (
    select distinct currency_code
    from {{ ref('fct_orders') }}
    where currency_code is not null
),

everybody as (
    select
        people.arm,
        people.holdout_share,
        currencies.currency_code,
        cast(coalesce(orders.revenue_cents, 0) as double) as revenue_cents,
        case when orders.person_id is not null then 1 else 0 end as has_bought_again
    from people
    cross join currencies
    left join orders on people.person_id = orders.person_id and currencies.currency_code = orders.currency_code
)

select
    holdout_share,
    currency_code,
    arm,
    count(*) as people_count,
    cast(sum(has_bought_again) as bigint) as bought_again_count,
    cast(sum(revenue_cents) as bigint) as revenue_cents,
    cast(sum(revenue_cents * revenue_cents) as double) as revenue_squares
from everybody
group by holdout_share, currency_code, arm
