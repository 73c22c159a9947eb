{{ config(materialized='view') }}

select
    run_id,
    source,
    resource,
    refused_at,
    record_id,
    reason,
    payload
from {{ source('raw', 'capture_refusals') }}
