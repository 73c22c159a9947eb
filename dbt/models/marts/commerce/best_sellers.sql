with bought as (
    select
        product_id,
        count(distinct person_id) as buyers_count,
        max(ordered_at) as last_bought_at
    from {{ ref('fct_purchases') }}
    where product_id is not null
    group by product_id
),

products as (
    select * from {{ ref('dim_products') }}
    where status in ('active', 'publish') and title is not null
),

ranked as (
    select
        products.*,
        bought.buyers_count,
        row_number() over (
            order by bought.buyers_count desc, bought.last_bought_at desc, products.product_id
        ) as sales_rank
    from products
    inner join bought on products.product_id = bought.product_id
)

select
    cast(sales_rank as integer) as sales_rank,
    product_id,
    title,
    category,
    url,
    image_url,
    price_cents,
    currency_code,
    cast(buyers_count as bigint) as buyers_count
from ranked
where sales_rank <= 100
