{{ config(tags=['hot']) }}

with planned as (
    select
        messages.*,
        case
            when is_holdout then coalesce(claimed_at, greatest(planned_at, not_before_at), planned_at)
            when state in ('accepted', 'delivered') then accepted_at
        end as messaged_at
    from {{ ref('fct_messages') }} as messages
    where programme = 'cart_recovery' and cart_id is not null
),

carts as (
    select ranked.*
    from (
        select
            planned.*,
            row_number() over (
                partition by cart_id order by messaged_at nulls last, planned_at, message_id
            ) as message_rank
        from planned
    ) as ranked
    where ranked.message_rank = 1
),

candidates as (
    select
        carts.cart_id,
        carts.messaged_at,
        orders.order_id,
        orders.ordered_at,
        orders.net_cents,
        case when orders.cart_id = carts.cart_id then 1 else 0 end as has_token
    from carts
    inner join {{ ref('fct_orders') }} as orders
        on
            carts.person_id = orders.person_id
            and carts.messaged_at < orders.ordered_at
            and (
                (orders.cart_id = carts.cart_id and orders.ordered_at <= carts.messaged_at + interval '7 days')
                or orders.ordered_at <= carts.messaged_at + interval '72 hours'
            )
    where {{ counts_as_order('orders.status') }}
),

one_cart_an_order as (
    select ranked.*
    from (
        select
            candidates.*,
            row_number() over (
                partition by order_id order by has_token desc, messaged_at desc, cart_id
            ) as cart_rank
        from candidates
    ) as ranked
    where ranked.cart_rank = 1
),

one_order_a_cart as (
    select ranked.*
    from (
        select
            one_cart_an_order.*,
            row_number() over (partition by cart_id order by has_token desc, ordered_at, order_id) as order_rank
        from one_cart_an_order
    ) as ranked
    where ranked.order_rank = 1
)

select
    carts.cart_id,
    carts.person_id,
    carts.message_id,
    carts.is_holdout,
    shop_carts.total_cents as cart_total_cents,
    carts.state,
    carts.messaged_at,
    recovered.order_id as recovered_order_id,
    recovered.ordered_at as recovered_at,
    coalesce(recovered.net_cents, 0) as recovered_cents,
    coalesce(shop_carts.currency_code, 'XXX') as currency_code,
    recovered.order_id is not null as is_recovered
from carts
left join {{ ref('fct_carts') }} as shop_carts on carts.cart_id = shop_carts.cart_id
left join one_order_a_cart as recovered on carts.cart_id = recovered.cart_id
