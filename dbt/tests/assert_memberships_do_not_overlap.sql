-- A person is in a segment at most once at a time, and no interval ends before it begins.
with ordered as (
    select
        segment_key,
        person_id,
        entered_at,
        left_at,
        left_change,
        entered_change,
        lead(entered_at) over (partition by segment_key, person_id order by entered_change) as next_entered_at,
        lead(entered_change) over (partition by segment_key, person_id order by entered_change) as next_entered_change
    from {{ ref('segment_memberships') }}
)

select *
from ordered
where
    left_at < entered_at
    or (next_entered_change is not null and (left_at is null or next_entered_at < left_at))
    or left_change < entered_change
