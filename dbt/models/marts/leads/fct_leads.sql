with deals as (
    select
        person_id,
        min(created_at) as first_deal_at,
        min(case when outcome = 'won' then closed_at end) as won_at,
        max(case when outcome = 'lost' then closed_at end) as lost_at,
        sum(case when outcome = 'lost' then 0 else 1 end) as hopeful_count,
        {{ first_by('case when outcome = \'won\' then amount_cents end', seconds_of('closed_at')) }} as won_cents,
        {{ first_by('case when outcome = \'won\' then currency_code end', seconds_of('closed_at')) }} as currency_code
    from {{ ref('fct_deals') }}
    where person_id is not null
    group by person_id
),

orders as (
    select
        leads.lead_key,
        min(orders.ordered_at) as first_order_at,
        {{ first_by('orders.net_cents', seconds_of('orders.ordered_at')) }} as net_cents,
        {{ first_by('orders.currency_code', seconds_of('orders.ordered_at')) }} as currency_code
    from {{ ref('int_leads__everyone') }} as leads
    inner join {{ ref('fct_orders') }} as orders
        on leads.person_id = orders.person_id and leads.created_at < orders.ordered_at
    where {{ counts_as_order('orders.status') }}
    group by leads.lead_key
),

moments as (
    select
        leads.*,
        orders.first_order_at,
        deals.first_deal_at,
        deals.won_at as deal_won_at,
        {{ not_before('qualified.qualified_at', 'leads.created_at') }} as mql_at,
        {{ not_before(
            "least(case when leads.status in ('qualified', 'won') then leads.status_at end, deals.first_deal_at)",
            'leads.created_at'
        ) }} as sql_at,
        {{ not_before(
            "least(case when leads.status = 'won' then leads.status_at end, deals.won_at, orders.first_order_at)",
            'leads.created_at'
        ) }} as won_at,
        case
            when leads.status = 'lost' then leads.status_at
            when deals.hopeful_count = 0 then deals.lost_at
        end as said_lost_at,
        case
            when deals.won_at <= coalesce(orders.first_order_at, deals.won_at) then deals.won_cents
            else orders.net_cents
        end as won_cents,
        case
            when deals.won_at <= coalesce(orders.first_order_at, deals.won_at) then deals.currency_code
            else orders.currency_code
        end as won_currency_code
    from {{ ref('int_leads__everyone') }} as leads
    left join {{ ref('int_leads__qualified') }} as qualified on leads.person_id = qualified.person_id
    left join deals on leads.person_id = deals.person_id
    left join orders on leads.lead_key = orders.lead_key
)

select
    moments.lead_key,
    cast(moments.lead_id as bigint) as lead_id,
    cast(moments.person_id as bigint) as person_id,
    moments.created_at,
    moments.lead_source,
    coalesce(origins.channel, 'unknown') as channel,
    origins.source,
    origins.medium,
    origins.campaign,
    links.campaign_id,
    origins.form_name,
    origins.landing_page,
    coalesce(moments.country_code, origins.country_code) as country_code,
    moments.region,
    origins.device,
    origins.browser,
    moments.company_size,
    moments.industry,
    moments.status,
    moments.assigned_to,
    scores.lead_score,
    coalesce(scores.band, 'cold') as band,
    coalesce(scores.is_mql, false) as is_mql,
    origins.first_visit_at,
    moments.mql_at,
    moments.sql_at,
    moments.won_at,
    case when moments.won_at is null then moments.said_lost_at end as lost_at,
    case
        when moments.won_at is not null then 'won'
        when moments.said_lost_at is not null then 'lost'
        when moments.sql_at is not null then 'sql'
        when moments.mql_at is not null then 'mql'
        else 'lead'
    end as stage,
    case
        when moments.won_at is null then null
        when moments.won_at >= moments.deal_won_at then 'deal'
        when moments.won_at = moments.first_order_at then 'order'
        else 'status'
    end as won_by,
    case when moments.won_at is not null then cast(coalesce(moments.won_cents, 0) as bigint) end as won_cents,
    case when moments.won_at is not null then moments.won_currency_code end as currency_code
from moments
left join {{ ref('int_leads__origins') }} as origins on moments.lead_key = origins.lead_key
left join {{ ref('lead_scores') }} as scores on moments.person_id = scores.person_id
left join {{ ref('int_campaigns__links') }} as links on origins.campaign = links.campaign
