-- Every order of every source is in fct_orders once, and the totals are the source's, cent by cent.
with sources as (
    select
        'shopify' as source,
        count(*) as orders_count,
        coalesce(sum(total_cents), 0) as total_cents,
        coalesce(sum(refunded_cents), 0) as refunded_cents
    from {{ ref('stg_shopify__orders') }}
    union all
    select
        'woocommerce' as source,
        count(*) as orders_count,
        coalesce(sum(total_cents), 0) as total_cents,
        coalesce(sum(
            case when source_status = 'refunded' then greatest(refunded_cents, total_cents) else refunded_cents end
        ), 0) as refunded_cents
    from {{ ref('stg_woocommerce__orders') }}
    union all
    select
        'import' as source,
        count(distinct source_order_id || currency_code) as orders_count,
        coalesce(sum(case when kind in ('cancellation', 'return') then 0 else amount_cents end), 0) as total_cents,
        -coalesce(sum(case when kind in ('cancellation', 'return') then amount_cents else 0 end), 0) as refunded_cents
    from {{ ref('stg_import__order_lines') }}
),

marts as (
    select
        source,
        count(*) as orders_count,
        sum(gross_cents - discount_cents + other_cents) as total_cents,
        sum(refunded_cents) as refunded_cents
    from {{ ref('fct_orders') }}
    group by source
)

select
    sources.source,
    sources.orders_count,
    marts.orders_count as mart_orders_count,
    sources.total_cents,
    marts.total_cents as mart_total_cents,
    sources.refunded_cents,
    marts.refunded_cents as mart_refunded_cents
from sources
left join marts on sources.source = marts.source
where
    sources.orders_count <> coalesce(marts.orders_count, 0)
    or sources.total_cents <> coalesce(marts.total_cents, 0)
    or sources.refunded_cents <> coalesce(marts.refunded_cents, 0)
