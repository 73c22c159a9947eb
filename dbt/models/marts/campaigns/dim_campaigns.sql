{{ config(materialized='view', tags=['hot']) }}

select
    campaign_id,
    programme,
    campaign_name,
    status,
    version,
    objective,
    budget_cents,
    currency_code,
    starts_at,
    ends_at,
    started_at,
    ended_at,
    holdout_share,
    conversion_days,
    purpose,
    owner_email,
    updated_at
from {{ ref('stg_campaigns__campaigns') }}
