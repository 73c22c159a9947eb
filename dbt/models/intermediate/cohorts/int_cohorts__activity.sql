with orders as (
    select
        person_id, cast(ordered_at as date) as day, currency_code, count(*) as orders_count, sum(net_cents) as revenue_cents
    from {{ ref('fct_orders') }}
    where person_id is not null and {{ counts_as_order('status') }}
    group by person_id, cast(ordered_at as date), currency_code
),

touches as (
    select distinct
        person_id, cast(touched_at as date) as day
    from {{ ref('int_attribution__touches') }}
)

select
    person_id, day, currency_code, orders_count, revenue_cents
from orders
union all
select
    person_id, day, cast(null as varchar) as currency_code, 0 as orders_count, 0 as revenue_cents
from touches
