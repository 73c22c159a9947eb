-- Sizes of the last day are the open memberships; the days' entries and leavings are all that there were.
with sizes as (
    select
        segment_key,
        sum(entered_count) as entered_count,
        sum(left_count) as left_count,
        sum(entered_count) - sum(left_count) as members_count
    from {{ ref('segment_sizes') }}
    group by segment_key
),

last_sizes as (
    select
        sizes.*,
        newest.members_count as last_members_count
    from sizes
    inner join (
        select
            segment_key,
            members_count,
            row_number() over (partition by segment_key order by day desc) as recency
        from {{ ref('segment_sizes') }}
    ) as newest on sizes.segment_key = newest.segment_key and newest.recency = 1
),

memberships as (
    select
        segment_key,
        count(*) as entered_count,
        count(left_change) as left_count,
        count(*) - count(left_change) as members_count
    from {{ ref('segment_memberships') }}
    group by segment_key
)

select
    coalesce(last_sizes.segment_key, memberships.segment_key) as segment_key,
    last_sizes.members_count as days_members_count,
    memberships.members_count as open_members_count
from last_sizes
full outer join memberships on last_sizes.segment_key = memberships.segment_key
where
    last_sizes.segment_key is null
    or memberships.segment_key is null
    or last_sizes.members_count <> last_sizes.last_members_count
    or last_sizes.entered_count <> memberships.entered_count
    or last_sizes.left_count <> memberships.left_count
