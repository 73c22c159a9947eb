-- under each model the shares of a conversion add up to 1, and its cents to its value
select
    model, conversion_id, sum(credit) as credit, sum(credited_cents) as credited_cents, min(value_cents) as value_cents
from {{ ref('fct_credits') }}
group by model, conversion_id
having abs(sum(credit) - 1) > 1e-9 or sum(credited_cents) <> min(value_cents)
