{{ config(materialized='incremental', unique_key='merged_person_id', full_refresh=false, tags=['hot']) }}

with moved as (
    select
        previous_person_id as merged_person_id,
        person_id as surviving_person_id,
        matched_by,
        _build
    from {{ ref('person_contacts') }}
    where previous_person_id is not null
    {%- if is_incremental() %}
        and _build > {{ last_build() }}
    {%- endif %}
),

gone as (
    select moved.*
    from moved
    left join {{ ref('person_contacts') }} as still_there on moved.merged_person_id = still_there.person_id
    where still_there.person_id is null
),

new_merges as (
    select
        merged_person_id,
        min(surviving_person_id) as surviving_person_id,
        {{ workspace_now() }} as merged_at,
        'same ' || min(matched_by) || ' and no other name' as reason
    from gone
    group by merged_person_id
)

{%- if is_incremental() %}

, carried_on as (
    select
        earlier.merged_person_id,
        new_merges.surviving_person_id,
        earlier.merged_at,
        earlier.reason
    from {{ own_rows() }} as earlier
    inner join new_merges on earlier.surviving_person_id = new_merges.merged_person_id
)
{%- endif %}

, every_merge as (
    select * from new_merges
    {%- if is_incremental() %}
    union all
    select * from carried_on
    {%- endif %}
)

select
    merged_person_id,
    surviving_person_id,
    merged_at,
    reason,
    {{ this_build() }} as _build
from every_merge
