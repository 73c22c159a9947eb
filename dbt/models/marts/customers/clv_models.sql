with cells as (
    select
        frequency, recency_weeks, age_weeks, count(*) as customers_count
    from {{ ref('int_customers__purchases') }}
    group by frequency, recency_weeks, age_weeks
),

purchases as (
    select
        'purchases' as fitted, {{ fit_purchases('frequency', 'recency_weeks', 'age_weeks', 'customers_count') }} as fits
    from cells
),

spend_cells as (
    select
        currency_code,
        paid_days,
        {{ rounded_to_digits('mean_cents', 3) }} as mean_cents,
        count(*) as customers_count
    from {{ ref('int_customers__purchases') }}
    where paid_days >= 2 and mean_cents >= 1
    group by currency_code, paid_days, {{ rounded_to_digits('mean_cents', 3) }}
),

spend as (
    select
        currency_code, {{ fit_spend('paid_days', 'mean_cents', 'customers_count') }} as fits
    from spend_cells
    group by currency_code
)

select
    purchases.item.model as model,
    cast(null as varchar) as currency_code,
    purchases.item.r as r,
    purchases.item.alpha as alpha_weeks,
    purchases.item.a as a,
    purchases.item.b as b,
    cast(null as double) as p,
    cast(null as double) as q,
    cast(null as double) as gamma,
    purchases.item.log_likelihood as log_likelihood,
    cast(purchases.item.customers as bigint) as customers_count,
    purchases.item.is_converged as is_converged,
    {{ workspace_now() }} as fitted_at
from {{ unnest_list('purchases', 'fits') }} as purchases
union all
select
    'gamma_gamma' as model,
    spend.currency_code,
    cast(null as double) as r,
    cast(null as double) as alpha_weeks,
    cast(null as double) as a,
    cast(null as double) as b,
    spend.item.p as p,
    spend.item.q as q,
    spend.item.gamma as gamma,
    spend.item.log_likelihood as log_likelihood,
    cast(spend.item.customers as bigint) as customers_count,
    spend.item.is_converged as is_converged,
    {{ workspace_now() }} as fitted_at
from {{ unnest_list('spend', 'fits') }} as spend
