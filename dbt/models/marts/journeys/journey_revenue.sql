with people as (
    select
        journey_id,
        person_id,
        currency_code,
        min(case when is_holdout then 1 else 0 end) as is_held_out,
        sum(revenue_cents) as revenue_cents
    from {{ ref('fct_journey_conversions') }}
    where currency_code is not null
    group by journey_id, person_id, currency_code
)

select
    journey_id,
    currency_code,
    cast(sum(case when is_held_out = 0 then revenue_cents else 0 end) as bigint) as treated_revenue_cents,
    sum(
        case when is_held_out = 0 then cast(revenue_cents as double) * revenue_cents else 0 end
    ) as treated_revenue_squares,
    cast(sum(case when is_held_out = 1 then revenue_cents else 0 end) as bigint) as held_out_revenue_cents,
    sum(
        case when is_held_out = 1 then cast(revenue_cents as double) * revenue_cents else 0 end
    ) as held_out_revenue_squares
from people
group by journey_id, currency_code
