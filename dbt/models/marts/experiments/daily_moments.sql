{{ config(materialized='incremental', unique_key=['experiment_id', 'moment_date'], tags=['hot']) }}

with written as (
    select
        experiment_id, exposed_date as moment_date, moved_from_date, _build
    from {{ ref('fct_exposures') }}
    {{ where_written_since() }}
    union all
    select
        experiment_id, happened_date as moment_date, moved_from_date, _build
    from {{ ref('fct_outcomes') }}
    {{ where_written_since() }}
),

cells as (
    select
        experiment_id, moment_date, max(_build) as _build
    from (
        select
            experiment_id, moment_date, _build
        from written
        where moment_date is not null
        union all
        select
            experiment_id, moved_from_date as moment_date, _build
        from written
        where moved_from_date is not null
    ) as dated
    group by experiment_id, moment_date
),

exposures as (
    select
        exposures.experiment_id,
        exposures.exposed_date as moment_date,
        exposures.arm,
        count(*) as people_count,
        {%- for covariate, column in [
            ('opened_before', 'opened_before_count'), ('clicked_before', 'clicked_before_count'),
            ('orders_before', 'orders_before_count'), ('revenue_before', 'revenue_before_cents')
        ] %}
        sum(cast(exposures.{{ column }} as double)) as {{ covariate }}_sum,
        sum(cast(exposures.{{ column }} as double) * exposures.{{ column }}) as {{ covariate }}_squared_sum
        {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('fct_exposures') }} as exposures
    inner join cells
        on exposures.exposed_date = cells.moment_date and exposures.experiment_id = cells.experiment_id
    where exposures.is_counted
    group by exposures.experiment_id, exposures.exposed_date, exposures.arm
),

outcomes as (
    select
        outcomes.experiment_id,
        outcomes.happened_date as moment_date,
        outcomes.arm_number,
        outcomes.outcome_number,
        sum(outcomes.value) as outcome_sum,
        sum(cast(outcomes.value as double) * (outcomes.value + 2 * outcomes.value_before)) as outcome_squared_sum,
        sum(cast(outcomes.value as double) * outcomes.covariate) as product_sum,
        sum(outcomes.base) as base_sum,
        sum(cast(outcomes.base as double) * (outcomes.base + 2 * outcomes.base_before)) as base_squared_sum,
        sum(
            cast(outcomes.value as double) * (outcomes.base_before + outcomes.base)
            + cast(outcomes.value_before as double) * outcomes.base
        ) as base_product_sum
    from {{ ref('fct_outcomes') }} as outcomes
    inner join cells
        on outcomes.happened_date = cells.moment_date and outcomes.experiment_id = cells.experiment_id
    where outcomes.is_counted
    group by outcomes.experiment_id, outcomes.happened_date, outcomes.arm_number, outcomes.outcome_number
)

select
    cells.experiment_id,
    arms.arm,
    metrics.metric,
    cells.moment_date,
    coalesce(exposures.people_count, 0) as people_count,
    cast(coalesce(outcomes.outcome_sum, 0) as bigint) as outcome_sum,
    coalesce(outcomes.outcome_squared_sum, 0) as outcome_squared_sum,
    {%- for column in ['sum', 'squared_sum'] %}
    case metrics.covariate
        {%- for covariate in ['opened_before', 'clicked_before', 'orders_before', 'revenue_before'] %}
        when '{{ covariate }}' then coalesce(exposures.{{ covariate }}_{{ column }}, 0)
        {%- endfor %}
        else 0
    end as covariate_{{ column }},
    {%- endfor %}
    coalesce(outcomes.product_sum, 0) as product_sum,
    {%- for column in ['base_sum', 'base_squared_sum', 'base_product_sum'] %}
    case when metrics.metric = 'order_value' then cast(coalesce(outcomes.{{ column }}, 0) as double) else 0 end as {{ column }},
    {%- endfor %}
    cells._build
from cells
inner join {{ ref('dim_experiment_arms') }} as arms on cells.experiment_id = arms.experiment_id
cross join {{ ref('experiment_metrics') }} as metrics
left join exposures
    on
        cells.experiment_id = exposures.experiment_id and cells.moment_date = exposures.moment_date
        and arms.arm = exposures.arm
left join outcomes
    on
        cells.experiment_id = outcomes.experiment_id and cells.moment_date = outcomes.moment_date
        and arms.arm_number = outcomes.arm_number and metrics.outcome_number = outcomes.outcome_number
