{{ config(materialized='incremental', unique_key='order_id', tags=['hot']) }}

with orders as (
    select * from {{ ref('int_commerce__orders') }}
),

contacts as (
    select
        contact_key, person_id, _build
    from {{ ref('person_contacts') }}
)

select
    orders.order_id,
    orders.source,
    orders.source_order_id,
    orders.order_name,
    contacts.person_id,
    orders.contact_key,
    orders.ordered_at,
    orders.status,
    orders.gross_cents,
    orders.discount_cents,
    orders.other_cents,
    orders.refunded_cents,
    orders.net_cents,
    orders.currency_code,
    orders.cart_id,
    orders.discount_code,
    orders.client_id,
    orders.record_id,
    {{ this_build() }} as _build
from orders
left join contacts on orders.contact_key = contacts.contact_key
{%- if is_incremental() %}
where
    orders._build > {{ last_build() }}
    or contacts._build > {{ last_build() }}
{%- endif %}
