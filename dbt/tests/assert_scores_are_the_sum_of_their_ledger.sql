-- The score of each lead is the sum of its rows in the ledger of points, and no points belong to somebody without a score.
select
    scores.person_id as scored_person_id,
    ledger.person_id as person_id,
    scores.score,
    ledger.points_now
from {{ ref('lead_scores') }} as scores
full outer join (
    select
        person_id, sum(points_now) as points_now
    from {{ ref('fct_score_points') }}
    group by person_id
) as ledger on scores.person_id = ledger.person_id
where coalesce(scores.score, -1) <> coalesce(ledger.points_now, case when ledger.person_id is null then 0 else -2 end)
