with buyers as (
    select
        person_id,
        orders_count,
        revenue_cents,
        coalesce(currency_code, 'XXX') as currency_code,
        first_order_at,
        last_order_at
    from {{ ref('dim_people') }}
    where orders_count > 0 and last_order_at is not null
),

ranked as (
    select
        buyers.*,
        percent_rank() over (order by last_order_at) as recency_rank,
        percent_rank() over (order by orders_count) as frequency_rank,
        percent_rank() over (partition by currency_code order by revenue_cents) as monetary_rank
    from buyers
),

scored as (
    select
        ranked.*,
        cast(least(floor(recency_rank * 5) + 1, 5) as integer) as recency_score,
        cast(least(floor(frequency_rank * 5) + 1, 5) as integer) as frequency_score,
        cast(least(floor(monetary_rank * 5) + 1, 5) as integer) as monetary_score
    from ranked
)

select
    person_id,
    orders_count,
    revenue_cents,
    currency_code,
    first_order_at,
    last_order_at,
    {{ days_between_moments('last_order_at', workspace_now()) }} as recency_days,
    recency_score,
    frequency_score,
    monetary_score,
    case
        when recency_score >= 4 and frequency_score >= 4 then 'champions'
        when recency_score >= 3 and frequency_score >= 4 then 'loyal'
        when recency_score <= 2 and frequency_score >= 5 then 'cannot_lose'
        when recency_score <= 2 and frequency_score >= 3 then 'at_risk'
        when recency_score >= 4 and frequency_score >= 2 then 'potential_loyalists'
        when recency_score = 5 then 'new_customers'
        when recency_score = 4 then 'promising'
        when recency_score = 3 and frequency_score >= 2 then 'need_attention'
        when recency_score = 3 then 'about_to_sleep'
        when recency_score = 2 then 'hibernating'
        else 'lost'
    end as rfm_segment
from scored
