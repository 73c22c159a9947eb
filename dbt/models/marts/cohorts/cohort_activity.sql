with members as (
    select * from {{ ref('int_cohorts__members') }}
),

sizes as (
    select
        cohort_kind, grain, cohort_start, count(*) as people_count
    from members
    group by cohort_kind, grain, cohort_start
),

counted as (
    {%- for grain in ['week', 'month'] %}
    select
        members.cohort_kind,
        members.grain,
        members.cohort_start,
        {{ periods_since('members.cohort_start', 'activity.day', grain) }} as period_number,
        count(distinct members.person_id) as active_count,
        count(distinct case when activity.orders_count > 0 then members.person_id end) as buyers_count,
        sum(activity.orders_count) as orders_count
    from members
    inner join {{ ref('int_cohorts__activity') }} as activity on members.person_id = activity.person_id
    where members.grain = '{{ grain }}' and activity.day >= members.cohort_start
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

ends as (
    select
        'today' as calendar_key, min(cohort_start) as first_day
    from sizes
),

days as (
    select day from {{ days_between('ends', 'first_day', workspace_now(), 'calendar_key') }} as calendar
),

periods as (
    {%- for grain in ['week', 'month'] %}
    select distinct
        '{{ grain }}' as grain,
        cast(date_trunc('{{ grain }}', day) as date) as period_start,
        cast(date_trunc('month', {{ days_after("date_trunc('month', date_trunc('" ~ grain ~ "', day))", 32) }}) as date)
            as month_after
    from days
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

grid as (
    select
        sizes.*,
        periods.period_start,
        case
            when sizes.grain = 'week' then cast({{ days_after('periods.period_start', 7) }} as date)
            else periods.month_after
        end as period_end,
        case
            when sizes.grain = 'week' then {{ periods_since('sizes.cohort_start', 'periods.period_start', 'week') }}
            else {{ periods_since('sizes.cohort_start', 'periods.period_start', 'month') }}
        end as period_number
    from sizes
    inner join periods on sizes.grain = periods.grain and sizes.cohort_start <= periods.period_start
)

select
    grid.cohort_kind,
    grid.grain,
    grid.cohort_start,
    grid.period_number,
    grid.period_start,
    grid.period_end <= {{ workspace_now() }} as is_complete,
    grid.people_count,
    coalesce(counted.active_count, 0) as active_count,
    coalesce(counted.buyers_count, 0) as buyers_count,
    cast(coalesce(counted.orders_count, 0) as bigint) as orders_count
from grid
left join counted
    on
        grid.cohort_kind = counted.cohort_kind and grid.grain = counted.grain
        and grid.cohort_start = counted.cohort_start and grid.period_number = counted.period_number
