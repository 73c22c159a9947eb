-- The summary is the sum over carts, and Home shows the same money.
with carts as (
    select
        currency_code,
        sum(case when not is_holdout then recovered_cents else 0 end) as recovered_cents,
        sum(case when is_recovered and not is_holdout then 1 else 0 end) as recovered_count
    from {{ ref('cart_recoveries') }}
    group by currency_code
),

home as (
    select
        currency_code,
        sum(recovered_cents) as recovered_cents,
        sum(carts_recovered_count) as recovered_count
    from {{ ref('home_daily') }}
    group by currency_code
)

select carts.currency_code
from carts
left join {{ ref('cart_recovery_summary') }} as summary on carts.currency_code = summary.currency_code
left join home on carts.currency_code = home.currency_code
where
    carts.recovered_cents <> coalesce(summary.recovered_cents, -1)
    or carts.recovered_cents <> coalesce(home.recovered_cents, 0)
    or carts.recovered_count <> coalesce(home.recovered_count, 0)
