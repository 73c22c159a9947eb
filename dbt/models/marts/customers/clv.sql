{%- set horizon_weeks = '52.142857142857146' %}

with customers as (
    select * from {{ ref('int_customers__purchases') }}
),

models as (
    select * from {{ ref('clv_models') }}
),

cells as (
    select distinct
        customers.frequency, customers.recency_weeks, customers.age_weeks, models.r, models.alpha_weeks, models.a, models.b
    from customers
    inner join models on models.model = 'mbg_nbd'
),

predicted as (
    select
        'cells' as predicted,
        {{ expected_purchases(
            'frequency', 'recency_weeks', 'age_weeks', ['r', 'alpha_weeks', 'a', 'b'], horizon_weeks
        ) }} as expected
    from cells
),

expected as (
    select
        cell.item.frequency as frequency,
        cell.item.recency as recency_weeks,
        cell.item.age as age_weeks,
        cell.item.probability_alive as probability_alive,
        cell.item.expected_purchases as expected_orders
    from {{ unnest_list('predicted', 'expected') }} as cell
),

valued as (
    select
        customers.person_id,
        customers.currency_code,
        customers.frequency,
        customers.recency_weeks,
        customers.age_weeks,
        expected.probability_alive,
        expected.expected_orders,
        case
            when models.p * coalesce(customers.paid_days, 0) + models.q > 1
                then models.p * (models.gamma + coalesce(customers.paid_days * customers.mean_cents, 0))
                    / (models.p * coalesce(customers.paid_days, 0) + models.q - 1)
        end as expected_order_cents
    from customers
    left join expected
        on
            customers.frequency = expected.frequency and customers.recency_weeks = expected.recency_weeks
            and customers.age_weeks = expected.age_weeks
    left join models on models.model = 'gamma_gamma' and customers.currency_code = models.currency_code
)

select
    valued.person_id,
    people.orders_count,
    people.revenue_cents,
    valued.currency_code,
    people.first_order_at,
    people.last_order_at,
    cast(valued.frequency as bigint) as repeat_days_count,
    valued.recency_weeks,
    valued.age_weeks,
    valued.probability_alive,
    valued.expected_orders,
    cast(round(valued.expected_order_cents, 0) as bigint) as expected_order_cents,
    cast(round(valued.expected_orders * valued.expected_order_cents, 0) as bigint) as predicted_cents,
    people.revenue_cents + cast(round(valued.expected_orders * valued.expected_order_cents, 0) as bigint) as clv_cents
from valued
inner join {{ ref('dim_people') }} as people on valued.person_id = people.person_id
