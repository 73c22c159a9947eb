{{ config(materialized='incremental', unique_key=['segment_key', 'day'], tags=['hot']) }}

with changes as (
    select
        segment_key,
        cast(valid_at as date) as day,
        case when change = 'entered' then 1 else 0 end as entered,
        case when change = 'entered' then 0 else 1 end as gone
    from {{ source('raw', 'segment_changes') }}
    {%- if is_incremental() %}
    where change_number > (select coalesce(max(known._change_number), 0) from {{ own_rows() }} as known)
    {%- endif %}
),

deltas as (
    select
        segment_key,
        day,
        sum(entered) as entered_count,
        sum(gone) as left_count
    from changes
    group by segment_key, day
),

{%- if is_incremental() %}

last_days as (
    select segment_key, max(day) as day from {{ own_rows() }} group by segment_key
),

-- what is written anew: from the first day that changed, or the last known one, until today
first_days as (
    select segment_key, min(day) as first_day
    from (
        select segment_key, day from deltas
        union all
        select segment_key, day from last_days
    ) as days
    group by segment_key
),

before as (
    select segment_key, members_count
    from (
        select
            known.segment_key,
            known.members_count,
            row_number() over (partition by known.segment_key order by known.day desc) as recency
        from {{ own_rows() }} as known
        inner join first_days on known.segment_key = first_days.segment_key and known.day < first_days.first_day
    ) as ranked
    where recency = 1
),

all_deltas as (
    select segment_key, day, sum(entered_count) as entered_count, sum(left_count) as left_count
    from (
        select segment_key, day, entered_count, left_count from deltas
        union all
        select known.segment_key, known.day, known.entered_count, known.left_count
        from {{ own_rows() }} as known
        inner join first_days on known.segment_key = first_days.segment_key and known.day >= first_days.first_day
    ) as both_sources
    group by segment_key, day
),
{%- else %}

first_days as (
    select segment_key, min(day) as first_day from deltas group by segment_key
),

before as (
    select segment_key, cast(0 as bigint) as members_count from first_days
),

all_deltas as (
    select * from deltas
),
{%- endif %}

days as (
    select * from {{ days_between('first_days', 'first_day', 'cast(' ~ workspace_now() ~ ' as date)') }}
)

select
    days.segment_key,
    days.day,
    cast(
        coalesce(before.members_count, 0) + sum(
            coalesce(all_deltas.entered_count, 0) - coalesce(all_deltas.left_count, 0)
        ) over (partition by days.segment_key order by days.day rows between unbounded preceding and current row)
    as bigint) as members_count,
    cast(coalesce(all_deltas.entered_count, 0) as bigint) as entered_count,
    cast(coalesce(all_deltas.left_count, 0) as bigint) as left_count,
    (select coalesce(max(change_number), 0) from {{ source('raw', 'segment_changes') }}) as _change_number
from days
left join before on days.segment_key = before.segment_key
left join all_deltas on days.segment_key = all_deltas.segment_key and days.day = all_deltas.day
