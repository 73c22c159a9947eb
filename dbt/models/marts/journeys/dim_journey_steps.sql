{{ config(materialized='view') }}

select
    steps.journey_id,
    steps.journey_key,
    steps.programme,
    steps.item.version as version,
    steps.item.key as step,
    steps.item.name as step_name,
    steps.item.number as step_number,
    steps.item.kind as kind,
    nullif(steps.item.channel, '') as channel,
    nullif(steps.item.template, '') as template,
    steps.item.words as words
from {{ unnest_list(ref('stg_journeys__journeys'), 'steps') }} as steps
