{{ config(materialized='incremental', unique_key='member_id') }}
-- depends_on: {{ ref('person_merges') }}

with members as (
    select * from {{ ref('stg_journeys__members') }}
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
    members.member_id,
    members.journey_id,
    journeys.journey_key,
    members.version,
    coalesce(merged.surviving_person_id, members.person_id) as person_id,
    members.entry_key,
    members.status,
    members.step,
    members.why,
    members.due_at,
    members.is_holdout,
    members.variant,
    members.entered_at,
    members.seen_at,
    members.reached_goal_at,
    members.ended_at,
    {{ this_build() }} as _build
from members
inner join {{ ref('dim_journeys') }} as journeys on members.journey_id = journeys.journey_id
left join {{ ref('person_merges') }} as merged on members.person_id = merged.merged_person_id
where members.status <> 'refused'
