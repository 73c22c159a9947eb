with purchases as (
    select
        person_id,
        currency_code,
        count(*) as orders_count,
        sum(net_cents) as revenue_cents,
        max(case when ordered_at > {{ days_after(workspace_now(), -180) }} then 1 else 0 end) as is_recent,
        max(
            case
                when
                    ordered_at > {{ days_after(workspace_now(), -360) }}
                    and ordered_at <= {{ days_after(workspace_now(), -180) }} then 1
                else 0
            end
        ) as is_of_before
    from {{ ref('fct_orders') }}
    where person_id is not null and {{ counts_as_order('status') }}
    group by person_id, currency_code
),

offers as (
    select
        person_id,
        count(*) as granted_count,
        sum(case when state = 'redeemed' then 1 else 0 end) as redeemed_count
    from {{ ref('fct_loyalty_offers') }}
    group by person_id
),

lifetime as (
    select
        person_id, currency_code, clv_cents, predicted_cents, probability_alive
    from {{ ref('clv') }}
),

customers as (
    select
        purchases.*,
        lifetime.clv_cents,
        lifetime.predicted_cents,
        lifetime.probability_alive,
        coalesce(members.tier, 'no_member') as tier,
        coalesce(offers.granted_count, 0) as granted_count,
        coalesce(offers.redeemed_count, 0) as redeemed_count
    from purchases
    left join {{ ref('dim_loyalty_members') }} as members on purchases.person_id = members.person_id
    left join offers on purchases.person_id = offers.person_id
    left join lifetime
        on purchases.person_id = lifetime.person_id and purchases.currency_code = lifetime.currency_code
)

select
    tier,
    currency_code,
    count(*) as customers_count,
    cast(sum(orders_count) as bigint) as orders_count,
    cast(sum(revenue_cents) as bigint) as revenue_cents,
    cast(round(sum(revenue_cents) * 1.0 / count(*), 0) as bigint) as value_per_customer_cents,
    cast(count(clv_cents) as bigint) as clv_customers_count,
    cast(round(avg(clv_cents), 0) as bigint) as clv_per_customer_cents,
    cast(round(avg(predicted_cents), 0) as bigint) as predicted_per_customer_cents,
    avg(probability_alive) as alive_rate,
    sum(case when orders_count > 1 then 1 else 0 end) * 1.0 / count(*) as repeat_rate,
    cast(sum(is_of_before) as bigint) as bought_before_count,
    sum(is_of_before * is_recent) * 1.0 / nullif(sum(is_of_before), 0) as retention_rate,
    cast(sum(granted_count) as bigint) as offers_granted_count,
    cast(sum(redeemed_count) as bigint) as offers_redeemed_count
from customers
group by tier, currency_code
