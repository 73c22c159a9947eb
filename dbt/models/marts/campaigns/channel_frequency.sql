with reached as (
    select
        campaigns.campaign_id,
        messages.person_id,
        count(distinct messages.channel) as channels_count
    from {{ ref('fct_messages') }} as messages
    inner join {{ ref('dim_campaigns') }} as campaigns on messages.programme = campaigns.programme
    where messages.state in ('accepted', 'delivered')
    group by campaigns.campaign_id, messages.person_id
)

select
    reached.campaign_id,
    case when reached.channels_count >= 3 then 3 else cast(reached.channels_count as integer) end as channels_count,
    count(*) as people_count,
    count(conversions.order_id) as converted_count,
    cast(coalesce(sum(conversions.revenue_cents), 0) as bigint) as revenue_cents,
    min(campaigns.currency_code) as currency_code
from reached
inner join {{ ref('dim_campaigns') }} as campaigns on reached.campaign_id = campaigns.campaign_id
left join {{ ref('fct_campaign_conversions') }} as conversions
    on
        reached.campaign_id = conversions.campaign_id and reached.person_id = conversions.person_id
        and not conversions.is_holdout
group by
    reached.campaign_id, case when reached.channels_count >= 3 then 3 else cast(reached.channels_count as integer) end
