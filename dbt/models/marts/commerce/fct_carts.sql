{{ config(materialized='incremental', unique_key='cart_id', tags=['hot']) }}

with checkouts as (
    select ranked.*
    from (
        select
            checkouts.*,
            row_number() over (partition by cart_id order by updated_at desc, record_id) as cart_rank
        from {{ ref('stg_shopify__abandoned_checkouts') }} as checkouts
        where cart_id is not null
    ) as ranked
    where ranked.cart_rank = 1
),

contacts as (
    select
        contact_key, person_id, email, phone, _build
    from {{ ref('person_contacts') }}
),

orders as (
    select
        cart_id,
        min(ordered_at) as ordered_at,
        {{ first_by('order_id', seconds_of('ordered_at')) }} as order_id,
        max(_build) as _build
    from {{ ref('fct_orders') }}
    where cart_id is not null
    group by cart_id
)

select
    checkouts.cart_id,
    contacts.person_id,
    contacts.email as contact_email,
    contacts.phone as contact_phone,
    checkouts.client_id,
    checkouts.created_at,
    checkouts.updated_at as last_touched_at,
    coalesce(checkouts.completed_at, orders.ordered_at) as completed_at,
    orders.order_id,
    case when checkouts.completed_at is not null or orders.order_id is not null then 'ordered' else 'open' end
        as status,
    {{ list_total('checkouts.line_items', 'item.quantity') }} as item_count,
    checkouts.total_cents,
    checkouts.currency_code,
    checkouts.recovery_url,
    checkouts.contact_key,
    checkouts.record_id,
    {{ this_build() }} as _build
from checkouts
left join contacts on checkouts.contact_key = contacts.contact_key
left join orders on checkouts.cart_id = orders.cart_id
{%- if is_incremental() %}
where
    checkouts._build > {{ last_build() }}
    or contacts._build > {{ last_build() }}
    or orders._build > {{ last_build() }}
{%- endif %}
