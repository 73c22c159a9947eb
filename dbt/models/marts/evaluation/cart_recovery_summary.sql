{{ config(materialized='view') }}

with counted as (
    select
        currency_code,
        count(*) as carts_count,
        sum(case when messaged_at is not null and not is_holdout then 1 else 0 end) as treated_count,
        sum(case when messaged_at is not null and is_holdout then 1 else 0 end) as held_out_count,
        sum(case when is_recovered and not is_holdout then 1 else 0 end) as treated_recovered_count,
        sum(case when is_recovered and is_holdout then 1 else 0 end) as held_out_recovered_count,
        sum(case when not is_holdout then recovered_cents else 0 end) as recovered_cents
    from {{ ref('cart_recoveries') }}
    group by currency_code
),

judged as (
    select
        *,
        treated_count >= 5 and held_out_count >= 5 as is_enough,
        treated_recovered_count / cast(nullif(treated_count, 0) as double) as treated_rate,
        held_out_recovered_count / cast(nullif(held_out_count, 0) as double) as held_out_rate
    from counted
),

wilson as (
    select
        *,
        {{ wilson_bound('treated_rate', 'treated_count', '-') }} as treated_low,
        {{ wilson_bound('treated_rate', 'treated_count', '+') }} as treated_high,
        {{ wilson_bound('held_out_rate', 'held_out_count', '-') }} as held_out_low,
        {{ wilson_bound('held_out_rate', 'held_out_count', '+') }} as held_out_high
    from judged
),

newcombe as (
    select
        *,
        case when is_enough then treated_rate - held_out_rate end as lift_rate,
        case when is_enough then treated_rate - held_out_rate
            - sqrt(power(treated_rate - treated_low, 2) + power(held_out_high - held_out_rate, 2))
        end as lift_low_rate,
        case when is_enough then treated_rate - held_out_rate
            + sqrt(power(treated_high - treated_rate, 2) + power(held_out_rate - held_out_low, 2))
        end as lift_high_rate,
        treated_count * recovered_cents / cast(nullif(treated_recovered_count, 0) as double) as cents_at_full_rate
    from wilson
)

select
    currency_code,
    cast(carts_count as bigint) as carts_count,
    cast(treated_count as bigint) as treated_count,
    cast(held_out_count as bigint) as held_out_count,
    cast(treated_recovered_count as bigint) as treated_recovered_count,
    cast(held_out_recovered_count as bigint) as held_out_recovered_count,
    treated_rate,
    held_out_rate,
    cast(recovered_cents as bigint) as recovered_cents,
    lift_rate,
    lift_low_rate,
    lift_high_rate,
    cast(round(lift_rate * cents_at_full_rate, 0) as bigint) as incremental_recovered_cents,
    cast(round(lift_low_rate * cents_at_full_rate, 0) as bigint) as incremental_low_cents,
    cast(round(lift_high_rate * cents_at_full_rate, 0) as bigint) as incremental_high_cents,
    case
        when is_enough and treated_recovered_count = 0 then 'no treated cart was recovered, so an order has no value yet'
        when is_enough then null
        else 'not enough data: at least 5 treated and 5 held-out carts are needed'
    end as no_estimate_reason
from newcombe
