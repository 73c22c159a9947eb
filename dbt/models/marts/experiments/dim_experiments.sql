{{ config(materialized='view') }}

select
    experiment_id,
    experiment_name,
    hypothesis,
    kind,
    status,
    version,
    owner_email,
    programme,
    page,
    primary_metric,
    inference,
    allocation,
    counts_everybody,
    conversion_days,
    currency_code,
    winner_arm,
    started_at,
    decided_at,
    ended_at,
    updated_at,
    _build
from {{ ref('stg_experiments__experiments') }}
