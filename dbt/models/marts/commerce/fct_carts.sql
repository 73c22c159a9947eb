{{ config(materialized='incremental', unique_key='cart_id', tags=['hot']) }}

with {% if is_incremental() -%}
changed as (
    select cart_id
    from {{ ref('stg_shopify__abandoned_checkouts') }}
    where
        _build > {{ last_build() }}
        or contact_key in (
            select moved.contact_key from {{ ref('person_contacts') }} as moved
            where moved._build > {{ last_build() }}
        )
    union
    select cart_id
    from {{ ref('fct_orders') }}
    where _build > {{ last_build() }}
),

{% endif -%}

checkouts as (
    select ranked.*
    from (
        select
            carts.cart_id, carts.contact_key, carts.client_id, carts.created_at, carts.updated_at, carts.completed_at,
            carts.item_count, carts.total_cents, carts.currency_code, carts.recovery_url, carts.record_id,
            row_number() over (partition by carts.cart_id order by carts.updated_at desc, carts.record_id) as cart_rank
        from {{ ref('stg_shopify__abandoned_checkouts') }} as carts
        where
            carts.cart_id is not null
            {%- if is_incremental() %}
            and carts.cart_id in (select cart_id from changed)
            {%- endif %}
    ) as ranked
    where ranked.cart_rank = 1
),

contacts as (
    select
        contact_key, person_id, email, phone
    from {{ ref('person_contacts') }}
),

orders as (
    select
        cart_id,
        min(ordered_at) as ordered_at,
        {{ first_by('order_id', seconds_of('ordered_at')) }} as order_id
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
    checkouts.item_count,
    checkouts.total_cents,
    checkouts.currency_code,
    checkouts.recovery_url,
    checkouts.contact_key,
    checkouts.record_id,
    {{ this_build() }} as _build
from checkouts
left join contacts on checkouts.contact_key = contacts.contact_key
left join orders on checkouts.cart_id = orders.cart_id
