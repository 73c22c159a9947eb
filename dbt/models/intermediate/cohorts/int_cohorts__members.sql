with people as (
    select
        person_id, first_seen_at, first_order_at
    from {{ ref('dim_people') }}
)

{% for kind, moment in {'signup': 'first_seen_at', 'first_order': 'first_order_at'}.items() -%}
{% for grain in ['week', 'month'] -%}
select
    '{{ kind }}' as cohort_kind,
    '{{ grain }}' as grain,
    person_id,
    cast(date_trunc('{{ grain }}', {{ moment }}) as date) as cohort_start
from people
where {{ moment }} is not null
{{ 'union all' if not loop.last }}
{% endfor -%}
{{ 'union all' if not loop.last }}
{% endfor %}
