with points as (
    select
        person_id, occurred_at, points, half_life_days
    from {{ ref('fct_score_points') }}
),

threshold as (
    select min(over) as points from {{ ref('score_bands') }}
    where band = 'mql'
),

hopeful as (
    select person_id
    from points
    group by person_id
    having sum(case when points > 0 then points else 0 end) > (select threshold.points from threshold)
),

moments as (
    select distinct
        points.person_id, points.occurred_at
    from points
    inner join hopeful on points.person_id = hopeful.person_id
),

scores as (
    select
        moments.person_id,
        moments.occurred_at,
        sum({{ decayed_points('points.points', 'points.half_life_days', 'points.occurred_at', 'moments.occurred_at') }})
            as score
    from moments
    inner join points on moments.person_id = points.person_id and moments.occurred_at >= points.occurred_at
    group by moments.person_id, moments.occurred_at
)

select
    scores.person_id,
    min(scores.occurred_at) as qualified_at
from scores
where scores.score > (select threshold.points from threshold)
group by scores.person_id
