with deals as (
    select * from {{ ref('fct_deals') }}
),

leads as (
    select
        person_id, channel, campaign_id, country_code, least(first_visit_at, created_at) as first_touch_at
    from {{ ref('fct_leads') }}
    where person_id is not null
),

joined as (
    select
        deals.*,
        coalesce(leads.channel, 'unknown') as channel,
        leads.campaign_id,
        leads.country_code,
        least(leads.first_touch_at, deals.created_at) as first_touch_at,
        case when deals.outcome <> 'open' then deals.closed_at end as ended_at
    from deals
    left join leads on deals.person_id = leads.person_id
)

select
    deal_id,
    deal_name,
    cast(person_id as bigint) as person_id,
    company_id,
    pipeline,
    stage,
    outcome,
    coalesce(amount_cents, 0) as amount_cents,
    coalesce(currency_code, 'XXX') as currency_code,
    created_at,
    ended_at,
    case when outcome = 'open' then closed_at end as expected_close_at,
    first_touch_at,
    {{ days_between_moments('created_at', 'ended_at') }} as cycle_days,
    {{ days_between_moments('first_touch_at', 'ended_at') }} as days_since_first_touch,
    case when outcome = 'open' then {{ days_between_moments('created_at', workspace_now()) }} end as age_days,
    channel,
    cast(campaign_id as bigint) as campaign_id,
    country_code,
    updated_at
from joined
