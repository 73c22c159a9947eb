{{ config(materialized='view') }}

select
    unnested.experiment_id,
    unnested.item.key as arm,
    coalesce(nullif(unnested.item.name, ''), unnested.item.key) as arm_name,
    cast(unnested.line_number as integer) as arm_number,
    unnested.item.share as share,
    coalesce(unnested.item.is_control, false) as is_control
from {{ unnest_list(ref('stg_experiments__experiments'), 'arms') }} as unnested
