{{ config(materialized='view', tags=['hot']) }}

select
    matrix.priority,
    matrix.action,
    matrix.label,
    matrix.source,
    matrix.pattern,
    cast(coalesce(changed.points, matrix.points) as integer) as points,
    case when changed.action is null then matrix.half_life_days else changed.half_life_days end as half_life_days,
    coalesce(changed.is_active, true) as is_active,
    changed.updated_at as changed_at
from {{ ref('score_matrix') }} as matrix
left join {{ ref('stg_leads__score_rules') }} as changed on matrix.action = changed.action
