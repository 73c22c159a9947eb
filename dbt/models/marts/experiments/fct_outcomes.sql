{{ config(materialized='incremental', unique_key=['experiment_id', 'unit_id', 'metric', 'order_id'], tags=['hot']) }}

with changed as (
    select
        experiment_id, unit_id
    from {{ ref('fct_exposures') }}
    {{ where_written_since() }}
    {%- if is_incremental() %}
    union
    select
        exposures.experiment_id, exposures.unit_id
    from {{ ref('fct_exposures') }} as exposures
    inner join {{ ref('fct_orders') }} as orders on exposures.person_id = orders.person_id
    where orders._build > {{ last_build() }}
    {%- endif %}
),

exposures as (
    select exposures.*
    from {{ ref('fct_exposures') }} as exposures
    inner join changed on exposures.experiment_id = changed.experiment_id and exposures.unit_id = changed.unit_id
),

reactions as (
    select
        messages.experiment_id,
        messages.person_id as unit_id,
        events.metric,
        min(events.occurred_at) as happened_at
    from {{ ref('int_experiments__reactions') }} as events
    inner join {{ ref('int_experiments__messages') }} as messages on events.message_id = messages.message_id
    {%- if is_incremental() %}
    where
        events._build > {{ last_build() }}
        or messages._build > {{ last_build() }}
    {%- endif %}
    group by messages.experiment_id, messages.person_id, events.metric
),

on_the_page as (
    select
        experiment_id, unit_id, 'click' as metric, clicked_at as happened_at
    from {{ ref('stg_experiments__visitors') }}
    where
        clicked_at is not null
        {%- if is_incremental() %}
        and _build > {{ last_build() }}
        {%- endif %}
    union all
    select
        experiment_id, unit_id, 'form_completion' as metric, completed_at as happened_at
    from {{ ref('stg_experiments__visitors') }}
    where
        completed_at is not null
        {%- if is_incremental() %}
        and _build > {{ last_build() }}
        {%- endif %}
),

orders as (
    select
        exposures.experiment_id,
        exposures.unit_id,
        orders.order_id,
        orders.ordered_at,
        case when orders.currency_code = exposures.currency_code then orders.net_cents else 0 end as value,
        case when orders.currency_code = exposures.currency_code then 1 else 0 end as base,
        row_number() over (
            partition by exposures.experiment_id, exposures.unit_id order by orders.ordered_at, orders.order_id
        ) as order_number
    from exposures
    inner join {{ ref('fct_orders') }} as orders
        on
            exposures.person_id = orders.person_id
            and exposures.exposed_at < orders.ordered_at
            and orders.ordered_at <= {{ days_after('exposures.exposed_at', 'exposures.conversion_days') }}
    where {{ counts_as_order('orders.status') }}
),

found as (
    select
        experiment_id, unit_id, metric, '' as order_id, happened_at, 1 as value, 0 as value_before,
        0 as base, 0 as base_before
    from reactions
    union all
    select
        experiment_id, unit_id, metric, '' as order_id, happened_at, 1 as value, 0 as value_before,
        0 as base, 0 as base_before
    from on_the_page
    union all
    select
        experiment_id, unit_id, 'conversion' as metric, '' as order_id, ordered_at as happened_at, 1 as value,
        0 as value_before, 0 as base, 0 as base_before
    from orders
    where order_number = 1
    union all
    select
        experiment_id, unit_id, 'revenue' as metric, order_id, ordered_at as happened_at, value,
        coalesce(sum(value) over (
            partition by experiment_id, unit_id order by order_number rows between unbounded preceding and 1 preceding
        ), 0) as value_before,
        base,
        coalesce(sum(base) over (
            partition by experiment_id, unit_id order by order_number rows between unbounded preceding and 1 preceding
        ), 0) as base_before
    from orders
),

{%- if is_incremental() %}

affected as (
    select
        experiment_id, unit_id
    from changed
    union
    select
        experiment_id, unit_id
    from found
),

known as (
    select own.*
    from {{ own_rows() }} as own
    inner join affected on own.experiment_id = affected.experiment_id and own.unit_id = affected.unit_id
),

outcomes as (
    select
        coalesce(found.experiment_id, known.experiment_id) as experiment_id,
        coalesce(found.unit_id, known.unit_id) as unit_id,
        coalesce(found.metric, known.metric) as metric,
        coalesce(found.order_id, known.order_id) as order_id,
        case
            when found.unit_id is null or (known.happened_at < found.happened_at and found.metric <> 'conversion')
                then known.happened_at
            else found.happened_at
        end as happened_at,
        {%- for column in ['value', 'value_before', 'base', 'base_before'] %}
        case
            when found.unit_id is not null then found.{{ column }}
            when changed.unit_id is not null and known.metric in ('conversion', 'revenue') then 0
            else known.{{ column }}
        end as {{ column }},
        {%- endfor %}
        known.happened_date as known_date
    from found
    full outer join known
        on
            found.experiment_id = known.experiment_id and found.unit_id = known.unit_id
            and found.metric = known.metric and found.order_id = known.order_id
    left join changed on known.experiment_id = changed.experiment_id and known.unit_id = changed.unit_id
)
{%- else %}

outcomes as (
    select
        *, cast(null as date) as known_date
    from found
)
{%- endif %}

select
    outcomes.experiment_id,
    outcomes.unit_id,
    units.unit_kind,
    units.person_id,
    units.arm,
    arms.arm_number,
    outcomes.metric,
    metrics.outcome_number,
    outcomes.order_id,
    outcomes.happened_at,
    cast(outcomes.happened_at as date) as happened_date,
    cast(outcomes.value as bigint) as value,
    cast(outcomes.value_before as bigint) as value_before,
    cast(outcomes.base as bigint) as base,
    cast(outcomes.base_before as bigint) as base_before,
    case metrics.covariate
        when 'opened_before' then units.opened_before_count
        when 'clicked_before' then units.clicked_before_count
        when 'orders_before' then units.orders_before_count
        when 'revenue_before' then units.revenue_before_cents
        else 0
    end as covariate,
    units.is_counted,
    nullif(outcomes.known_date, cast(outcomes.happened_at as date)) as moved_from_date,
    {{ this_build() }} as _build
from outcomes
inner join {{ ref('fct_exposures') }} as units
    on outcomes.experiment_id = units.experiment_id and outcomes.unit_id = units.unit_id
left join {{ ref('dim_experiment_arms') }} as arms
    on units.experiment_id = arms.experiment_id and units.arm = arms.arm
inner join {{ ref('experiment_metrics') }} as metrics on outcomes.metric = metrics.metric
