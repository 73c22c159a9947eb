{{ config(materialized='view') }}

select
    kind,
    chain_order,
    channel,
    removal_effect,
    attributed_count,
    attributed_count / nullif(conversions_count, 0) as attributed_share,
    conversion_probability,
    conversions_count,
    computed_at
from {{ source('raw', 'attribution_effects') }}
