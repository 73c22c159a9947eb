{{ config(materialized='view', tags=['hot']) }}

select
    entry_id,
    transaction_key,
    line_number,
    person_id,
    kind,
    account,
    points,
    occurred_at,
    expires_at,
    reason
from {{ ref('stg_loyalty__entries') }}
