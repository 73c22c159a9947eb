{{ config(materialized='view', tags=['hot']) }}

select
    grants.grant_id,
    grants.offer_key,
    grants.offer_name,
    grants.offer_kind,
    grants.offer_value,
    grants.person_id,
    grants.occurrence,
    grants.code,
    grants.granted_at,
    grants.valid_until_at,
    grants.redeemed_at,
    case
        when grants.redeemed_at is not null then 'redeemed'
        when grants.valid_until_at < {{ workspace_now() }} then 'expired'
        else 'open'
    end as state,
    grants.order_id,
    orders.net_cents as order_net_cents,
    orders.currency_code
from {{ ref('stg_loyalty__grants') }} as grants
left join {{ ref('fct_orders') }} as orders on grants.order_id = orders.order_id
