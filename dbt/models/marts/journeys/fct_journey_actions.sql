{{ config(materialized='incremental', unique_key='action_id') }}
-- depends_on: {{ ref('person_merges') }}

with actions as (
    select * from {{ ref('stg_journeys__actions') }}
    {%- if is_incremental() %}
    where
        _build > {{ last_build() }}
        or person_id in (
            select merged.merged_person_id from {{ ref('person_merges') }} as merged
            where merged._build > {{ last_build() }}
        )
    {%- endif %}
)

select
    actions.action_id,
    actions.member_id,
    actions.journey_id,
    journeys.journey_key,
    coalesce(merged.surviving_person_id, actions.person_id) as person_id,
    actions.step,
    actions.kind,
    actions.status,
    actions.note,
    actions.asked_at,
    actions.until_at,
    actions.done_at,
    {{ this_build() }} as _build
from actions
inner join {{ ref('dim_journeys') }} as journeys on actions.journey_id = journeys.journey_id
left join {{ ref('person_merges') }} as merged on actions.person_id = merged.merged_person_id
