-- net = gross - discount + other - refunded, and nothing when cancelled or only an adjustment.
select
    order_id,
    net_cents
from {{ ref('fct_orders') }}
where
    net_cents <> case
        when status in ('cancelled', 'adjustment') then 0 else gross_cents - discount_cents + other_cents - refunded_cents
    end
