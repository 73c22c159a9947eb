{{ config(materialized='view', tags=['hot']) }}

with points as (
    select
        person_id,
        sum(points) as points_balance,
        sum(case when kind in ('earn', 'refund') then points else 0 end) as points_earned,
        -sum(case when kind = 'spend' then points else 0 end) as points_spent,
        -sum(case when kind = 'expire' then points else 0 end) as points_expired
    from {{ ref('fct_loyalty_points') }}
    where account = 'member'
    group by person_id
),

newest as (
    select
        members.*,
        row_number() over (partition by members.person_id order by members.record_updated_at desc, members.revision desc)
            as member_rank
    from {{ ref('stg_loyalty__members') }} as members
    inner join {{ ref('dim_people') }} as people on members.person_id = people.person_id
)

select
    newest.person_id,
    newest.joined_at,
    newest.tier,
    newest.tier_since_at,
    newest.tier_until_at,
    newest.holdout_share,
    cast(coalesce(points.points_balance, 0) as bigint) as points_balance,
    cast(coalesce(points.points_earned, 0) as bigint) as points_earned,
    cast(coalesce(points.points_spent, 0) as bigint) as points_spent,
    cast(coalesce(points.points_expired, 0) as bigint) as points_expired
from newest
left join points on newest.person_id = points.person_id
where newest.member_rank = 1
