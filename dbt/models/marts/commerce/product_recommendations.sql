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
    where together_count >= 2 and place <= 30
),

liked as (
    select
        recent.person_id,
        pairs.other_id as product_id,
        sum(pairs.together_count) as score,
        {{ first_by('recent.title', '-pairs.together_count') }} as because_title
    from recent
    inner join pairs on recent.product_id = pairs.product_id
    group by recent.person_id, pairs.other_id
),

candidates as (
    select person_id, product_id, 1 as source_rank, score, because_title
    from liked
    union all
    select
        buyers.person_id,
        sellers.product_id,
        2 as source_rank,
        -sellers.sales_rank as score,
        null as because_title
    from (select distinct person_id from recent) as buyers
    cross join (select product_id, sales_rank from {{ ref('best_sellers') }} where sales_rank <= 12) as sellers
),

wanted as (
    select
        candidates.*,
        row_number() over (
            partition by candidates.person_id, candidates.product_id order by candidates.source_rank
        ) as repetition
    from candidates
    left join bought on candidates.person_id = bought.person_id and candidates.product_id = bought.product_id
    where bought.product_id is null
),

ranked as (
    select
        wanted.*,
        row_number() over (
            partition by person_id order by source_rank, score desc, product_id
        ) as place
    from wanted
    where repetition = 1
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
    case when ranked.source_rank = 1 then 'bought_together' else 'best_seller' end as reason,
    ranked.because_title
from ranked
inner join on_sale on ranked.product_id = on_sale.product_id
where ranked.place <= 6
