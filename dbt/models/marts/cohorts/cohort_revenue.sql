with members as (
    select * from {{ ref('int_cohorts__members') }}
)

{% for grain in ['week', 'month'] -%}
select
    members.cohort_kind,
    members.grain,
    members.cohort_start,
    {{ periods_since('members.cohort_start', 'activity.day', grain) }} as period_number,
    activity.currency_code,
    cast(sum(activity.orders_count) as bigint) as orders_count,
    cast(sum(activity.revenue_cents) as bigint) as revenue_cents
from members
inner join {{ ref('int_cohorts__activity') }} as activity on members.person_id = activity.person_id
where members.grain = '{{ grain }}' and activity.day >= members.cohort_start and activity.orders_count > 0
group by 1, 2, 3, 4, 5
{{ 'union all' if not loop.last }}
{% endfor %}
