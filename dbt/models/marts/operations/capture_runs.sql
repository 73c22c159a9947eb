{{ config(materialized='view') }}

select
    run_id,
    source,
    resource,
    started_at,
    finished_at,
    fetched_count,
    kept_count,
    unchanged_count,
    refused_count,
    "cursor",
    error,
    runs_count
from {{ source('raw', 'capture_outcomes') }}
