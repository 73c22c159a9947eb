{{ config(materialized='incremental', unique_key='person_id', tags=['hot'], post_hook="{{ forget_merged_people() }}") }}

with decisions as (
    select * from {{ ref('int_consent__decisions') }}
    {%- if is_incremental() %}
    where person_id in (
        select changed.person_id from {{ ref('int_consent__decisions') }} as changed
        where changed._build > {{ last_build() }}
    )
    {%- endif %}
),

latest as (
    select ranked.*
    from (
        select
            decisions.*,
            row_number() over (
                partition by person_id, channel order by decided_at desc, is_granted, source, evidence
            ) as decision_rank
        from decisions
    ) as ranked
    where ranked.decision_rank = 1
)

select
    person_id,
    channel,
    'marketing' as purpose,
    is_granted,
    decided_at,
    source,
    evidence,
    {{ this_build() }} as _build
from latest
