{{ config(materialized='view', tags=['hot']) }}

select
    steps.campaign_id,
    steps.programme,
    steps.item.key as step,
    coalesce(nullif(steps.item.name, ''), steps.item.key) as step_name,
    cast(steps.line_number as integer) as step_number,
    steps.item.channel as channel,
    nullif(steps.item.template, '') as template,
    coalesce(steps.item.cost_cents, 0) as cost_cents,
    coalesce(steps.item.cost_micros_each, 0) as cost_micros_each,
    {{ utc_timestamp('steps.item.due_at') }} as due_at
from {{ unnest_list(ref('stg_campaigns__campaigns'), 'steps') }} as steps
