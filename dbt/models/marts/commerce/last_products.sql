with ranked as (
    select
        purchases.person_id,
        purchases.product_id,
        purchases.title,
        purchases.category,
        products.url,
        products.image_url,
        purchases.ordered_at,
        row_number() over (
            partition by purchases.person_id
            order by purchases.ordered_at desc, purchases.amount_cents desc, purchases.order_line_id
        ) as recency
    from {{ ref('fct_purchases') }} as purchases
    left join {{ ref('dim_products') }} as products on purchases.product_id = products.product_id
    where purchases.person_id is not null
)

select
    person_id,
    product_id,
    title,
    category,
    url,
    image_url,
    ordered_at
from ranked
where recency = 1
