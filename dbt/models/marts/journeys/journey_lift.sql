with people as (
    select
        members.journey_id,
        members.person_id,
        min(case when members.is_holdout then 1 else 0 end) as is_held_out
    from {{ ref('fct_journey_members') }} as members
    group by members.journey_id, members.person_id
),

converted as (
    select
        journey_id,
        person_id
    from {{ ref('fct_journey_conversions') }}
    group by journey_id, person_id
)

select
    people.journey_id,
    cast(sum(1 - people.is_held_out) as bigint) as treated_count,
    cast(sum(
        case when people.is_held_out = 0 and converted.person_id is not null then 1 else 0 end
    ) as bigint) as treated_converted_count,
    cast(sum(people.is_held_out) as bigint) as held_out_count,
    cast(sum(
        case when people.is_held_out = 1 and converted.person_id is not null then 1 else 0 end
    ) as bigint) as held_out_converted_count
from people
left join converted on people.journey_id = converted.journey_id and people.person_id = converted.person_id
group by people.journey_id
