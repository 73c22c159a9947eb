-- An order counts for one cart only, after the message and within the window; nothing is recovered without a message.
select
    recovered_order_id,
    count(*) as carts_count
from {{ ref('cart_recoveries') }}
where is_recovered
group by recovered_order_id
having count(*) > 1 or min(recovered_at - messaged_at) <= interval '0 seconds'
    or max(recovered_at - messaged_at) > interval '7 days' or count(messaged_at) < count(*)
