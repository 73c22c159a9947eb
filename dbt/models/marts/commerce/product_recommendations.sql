-- what each buyer may like next: what other people bought who also bought the same, then best sellers

with bought as (
    select person_id, product_id, title, row_number() over (
        partition by person_id order by ordered_at desc, product_id
    ) as recency
    from (
        select
            person_id,
            product_id,
            max(title) as title,
            max(ordered_at) as ordered_at
        from {{ ref('fct_purchases') }}
        where person_id is not null and product_id is not null
        group by person_id, product_id
    ) as products_of_people
),

-- a company that bought the whole shop says nothing about taste, and its pairs would be endless
recent as (
    select person_id, product_id, title from bought where recency <= 20
),

on_sale as (
    select * from {{ ref('dim_products') }}
    where status in ('active', 'publish') and title is not null
),

pairs as (
    select product_id, other_id, together_count
    from (
        select
            one.product_id,
            other.product_id as other_id,
            count(*) as together_count,
            row_number() over (
                partition by one.product_id order by count(*) desc, other.product_id
            ) as place
        from recent as one
        inner join recent as other on one.person_id = other.person_id and one.product_id <> other.product_id
        inner join on_sale on other.product_id = on_sale.product_id
        group by one.product_id, other.product_id
    ) as counted
    where together_count >= 2 and place <= 10
),

liked as (
    select
        recent.person_id,
        pairs.other_id as product_id,
        sum(pairs.together_count) as score
    from recent
    inner join pairs on recent.product_id = pairs.product_id
    group by recent.person_id, pairs.other_id
),

liked_most as (
    select person_id, product_id, place
    from (
        select
            liked.person_id,
            liked.product_id,
            row_number() over (partition by liked.person_id order by liked.score desc, liked.product_id) as place
        from liked
        left join bought on liked.person_id = bought.person_id and liked.product_id = bought.product_id
        where bought.product_id is null
    ) as ranked_likes
    where place <= 6
),

likes_of_people as (
    select person_id, count(*) as likes_count from liked_most group by person_id
),

-- only whoever lacks likes needs best sellers
filling as (
    select
        buyers.person_id,
        sellers.product_id,
        coalesce(likes_of_people.likes_count, 0) + row_number() over (
            partition by buyers.person_id order by sellers.sales_rank
        ) as place
    from (select distinct person_id from recent) as buyers
    left join likes_of_people on buyers.person_id = likes_of_people.person_id
    cross join (select product_id, sales_rank from {{ ref('best_sellers') }} where sales_rank <= 12) as sellers
    left join bought on buyers.person_id = bought.person_id and sellers.product_id = bought.product_id
    left join liked_most on buyers.person_id = liked_most.person_id and sellers.product_id = liked_most.product_id
    where coalesce(likes_of_people.likes_count, 0) < 6 and bought.product_id is null and liked_most.product_id is null
),

reasons as (
    select person_id, product_id, because_title
    from (
        select
            liked_most.person_id,
            liked_most.product_id,
            recent.title as because_title,
            row_number() over (
                partition by liked_most.person_id, liked_most.product_id
                order by pairs.together_count desc, pairs.product_id
            ) as reason_place
        from liked_most
        inner join recent on liked_most.person_id = recent.person_id
        inner join pairs on recent.product_id = pairs.product_id and liked_most.product_id = pairs.other_id
    ) as ranked_reasons
    where reason_place = 1
),

ranked as (
    select
        liked_most.person_id, liked_most.product_id, liked_most.place, 'bought_together' as reason,
        reasons.because_title
    from liked_most
    inner join reasons on liked_most.person_id = reasons.person_id and liked_most.product_id = reasons.product_id
    union all
    select
        person_id, product_id, place, 'best_seller' as reason, null as because_title
    from filling
    where place <= 6
)

select
    ranked.person_id,
    cast(ranked.place as integer) as place,
    ranked.product_id,
    on_sale.title,
    on_sale.category,
    on_sale.url,
    on_sale.image_url,
    on_sale.price_cents,
    on_sale.currency_code,
    ranked.reason,
    ranked.because_title
from ranked
inner join on_sale on ranked.product_id = on_sale.product_id
