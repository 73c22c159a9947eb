{{ config(materialized='incremental', unique_key='member_id') }}

with passed as (
    select * from {{ unnest_list(ref('stg_journeys__members'), 'passed') }} as found
    {%- if is_incremental() %}
    where found._build > {{ last_build() }}
    {%- endif %}
)

select
    passed.member_id,
    passed.journey_id,
    passed.version,
    passed.item.step as step,
    passed.item.number as pass_number,
    {{ utc_timestamp('passed.item.at') }} as passed_at,
    {{ this_build() }} as _build
from passed
where passed.status <> 'refused'
