{{ config(materialized='view') }}

select
    journey_id,
    journey_key,
    programme,
    journey_name,
    status,
    version,
    trigger_words,
    owner_email,
    goal_event,
    goal_days,
    holdout_share,
    started_at,
    updated_at
from {{ ref('stg_journeys__journeys') }}
