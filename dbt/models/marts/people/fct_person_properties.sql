{{ config(materialized='incremental', unique_key='record_id', tags=['hot']) }}
-- depends_on: {{ ref('person_merges') }}

with properties as (
    select * from {{ ref('stg_journeys__person_properties') }}
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
    properties.record_id,
    coalesce(merged.surviving_person_id, properties.person_id) as person_id,
    properties.kind,
    properties.property_name,
    properties.property_value,
    properties.is_set,
    properties.changed_at,
    properties.changed_by,
    {{ this_build() }} as _build
from properties
left join {{ ref('person_merges') }} as merged on properties.person_id = merged.merged_person_id
