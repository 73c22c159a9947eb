{{ config(tags=['hot']) }}

with messages as (
    select
        messages.message_id,
        messages.person_id,
        messages.step,
        messages.channel,
        messages.variant,
        messages.is_holdout,
        messages.first_clicked_at,
        messages.accepted_at,
        campaigns.campaign_id,
        campaigns.currency_code,
        campaigns.conversion_days,
        case
            when messages.state = 'held_out' then coalesce(messages.claimed_at, messages.updated_at)
            when messages.state in ('accepted', 'delivered')
                then coalesce(messages.delivered_at, messages.accepted_at)
        end as reached_at
    from {{ ref('fct_messages') }} as messages
    inner join {{ ref('dim_campaigns') }} as campaigns on messages.programme = campaigns.programme
),

candidates as (
    select
        messages.*,
        orders.order_id,
        orders.ordered_at,
        orders.net_cents,
        orders.currency_code as order_currency_code,
        case when messages.first_clicked_at <= orders.ordered_at then 1 else 0 end as has_clicked
    from messages
    inner join {{ ref('fct_orders') }} as orders
        on
            messages.person_id = orders.person_id
            and messages.reached_at < orders.ordered_at
            and orders.ordered_at <= {{ days_after(
                'case when messages.first_clicked_at <= orders.ordered_at then messages.first_clicked_at'
                ~ ' else messages.reached_at end', 'messages.conversion_days'
            ) }}
    where {{ counts_as_order('orders.status') }}
),

ranked as (
    select
        candidates.*,
        row_number() over (
            partition by campaign_id, person_id
            order by
                ordered_at, order_id, has_clicked desc,
                case when has_clicked = 1 then first_clicked_at else reached_at end desc, message_id
        ) as conversion_rank
    from candidates
)

select
    campaign_id,
    person_id,
    message_id,
    step,
    channel,
    variant,
    is_holdout,
    accepted_at as sent_at,
    order_id,
    ordered_at,
    has_clicked = 1 as has_clicked,
    order_currency_code = currency_code as is_in_campaign_currency,
    case when order_currency_code = currency_code then net_cents else 0 end as revenue_cents,
    currency_code
from ranked
where conversion_rank = 1
