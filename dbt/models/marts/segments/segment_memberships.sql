{{ config(materialized='incremental', unique_key='entered_change', tags=['hot']) }}

with changes as (
    select
        change_number, segment_key, person_id, rule_version, change, valid_at, recorded_at, cause
    from {{ source('raw', 'segment_changes') }}
    {%- if is_incremental() %}
    where change_number > (
        select coalesce(max(greatest(known.entered_change, coalesce(known.left_change, 0))), 0)
        from {{ own_rows() }} as known
    )
    {%- endif %}
),

steps as (
    select * from changes
    {%- if is_incremental() %}
    union all
    select
        entered_change as change_number,
        segment_key,
        person_id,
        rule_version,
        'entered' as change,
        entered_at as valid_at,
        recorded_at,
        entered_cause as cause
    from {{ own_rows() }} as still_open
    where
        still_open.left_change is null
        and exists (
            select 1 from changes
            where changes.segment_key = still_open.segment_key and changes.person_id = still_open.person_id
        )
    {%- endif %}
),

followed as (
    select
        steps.*,
        lead(change_number) over each_person as next_number,
        lead(valid_at) over each_person as next_valid_at,
        lead(recorded_at) over each_person as next_recorded_at,
        lead(cause) over each_person as next_cause
    from steps
    window each_person as (partition by segment_key, person_id order by change_number)
)

select
    segment_key,
    person_id,
    valid_at as entered_at,
    next_valid_at as left_at,
    rule_version,
    recorded_at,
    next_recorded_at as left_recorded_at,
    cause as entered_cause,
    next_cause as left_cause,
    change_number as entered_change,
    next_number as left_change
from followed
where change = 'entered'
