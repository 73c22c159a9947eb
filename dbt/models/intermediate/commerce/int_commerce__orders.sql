with shopify as (
    select
        'shopify:' || source_order_id as order_id, 'shopify' as source, source_order_id, order_name, record_id,
        contact_key, ordered_at, currency_code,
        case
            when cancelled_at is not null or financial_status in ('VOIDED', 'EXPIRED') then 'cancelled'
            when refunded_cents >= total_cents and total_cents > 0 then 'refunded'
            when refunded_cents > 0 then 'partially_refunded'
            when financial_status in ('PENDING', 'AUTHORIZED', 'PARTIALLY_PAID') then 'pending'
            else 'paid'
        end as status,
        lines_cents as gross_cents,
        discount_cents, total_cents, refunded_cents, cart_id, discount_code, client_id, _build
    from {{ ref('stg_shopify__orders') }}
),

woocommerce as (
    select
        'woocommerce:' || source_order_id as order_id, 'woocommerce' as source, source_order_id, order_name, record_id,
        contact_key, ordered_at, currency_code,
        case
            when source_status in ('cancelled', 'failed', 'trash') then 'cancelled'
            when source_status = 'refunded' or (refunded_cents >= total_cents and total_cents > 0) then 'refunded'
            when refunded_cents > 0 then 'partially_refunded'
            when source_status in ('pending', 'on-hold', 'checkout-draft') then 'pending'
            else 'paid'
        end as status,
        lines_cents as gross_cents,
        discount_cents, total_cents,
        case when source_status = 'refunded' then greatest(refunded_cents, total_cents) else refunded_cents end
            as refunded_cents,
        null as cart_id, discount_code, client_id, _build
    from {{ ref('stg_woocommerce__orders') }}
),

import_sums as (
    select
        source_order_id, currency_code,
        min(record_id) as record_id,
        min(contact_key) as contact_key,
        min(ordered_at) as ordered_at,
        cast(sum(case when kind = 'sale' then amount_cents else 0 end) as bigint) as gross_cents,
        cast(-sum(case when kind = 'discount' then amount_cents else 0 end) as bigint) as discount_cents,
        cast(-sum(case when kind in ('cancellation', 'return') then amount_cents else 0 end) as bigint)
            as refunded_cents,
        cast(sum(amount_cents) as bigint) as net_cents,
        max(case when kind in ('sale', 'gift_voucher') then 1 else 0 end) as has_sales,
        max(case when kind in ('cancellation', 'return', 'discount') then 1 else 0 end) as has_credits,
        max(_build) as _build
    from {{ ref('stg_import__order_lines') }}
    group by source_order_id, currency_code
),

imported as (
    select
        'import:' || source_order_id as order_id, 'import' as source, source_order_id, source_order_id as order_name,
        record_id, contact_key, ordered_at, currency_code,
        case
            when has_sales = 0 and has_credits = 1 then 'credit_note'
            when has_sales = 0 then 'adjustment'
            when refunded_cents > 0 and net_cents <= 0 then 'refunded'
            when refunded_cents > 0 then 'partially_refunded'
            else 'paid'
        end as status,
        gross_cents, discount_cents, net_cents + refunded_cents as total_cents, refunded_cents, null as cart_id,
        null as discount_code, null as client_id, _build
    from import_sums
),

unioned as (
    select * from shopify
    union all
    select * from woocommerce
    union all
    select * from imported
)

select
    *,
    total_cents - gross_cents + discount_cents as other_cents,
    case when status in ('cancelled', 'adjustment') then 0 else total_cents - refunded_cents end as net_cents
from unioned
