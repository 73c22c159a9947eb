{{ config(materialized='incremental', unique_key='person_id', tags=['hot'], post_hook="{{ forget_merged_people() }}") }}

-- depends_on: {{ ref('person_contacts') }}
-- depends_on: {{ ref('stg_shopify__customers') }}
-- depends_on: {{ ref('int_engagement__form_submissions') }}
-- depends_on: {{ ref('stg_import__people') }}
-- depends_on: {{ ref('int_engagement__message_events') }}
-- depends_on: {{ ref('stg_twilio__messages') }}
-- depends_on: {{ ref('stg_preferences__decisions') }}

with {% if is_incremental() -%}
changed as (
    {{ people_with_new_decisions() }}
),

concerned as (
    select * from {{ ref('person_contacts') }}
    where person_id in (select person_id from changed)
),

decisions as (
    {{ consent_decisions('concerned') }}
),
{%- else -%}
decisions as (
    select * from {{ ref('int_consent__decisions') }}
),
{%- endif %}

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
