-- Sale lines of an order add up to its gross; lines that take back to its refunds.
select
    orders.order_id,
    orders.gross_cents,
    coalesce(sum(case when lines.kind = 'sale' then lines.amount_cents else 0 end), 0) as lines_cents
from {{ ref('fct_orders') }} as orders
left join {{ ref('fct_order_lines') }} as lines on orders.order_id = lines.order_id
group by orders.order_id, orders.gross_cents
having coalesce(sum(case when lines.kind = 'sale' then lines.amount_cents else 0 end), 0) <> orders.gross_cents
