{{ config(tags=['hot']) }}

with people as (
    select
        campaigns.campaign_id,
        messages.person_id,
        max(case when messages.state in ('accepted', 'delivered') then 1 else 0 end) as is_written_to,
        max(case when messages.state = 'held_out' then 1 else 0 end) as is_held_out
    from {{ ref('fct_messages') }} as messages
    inner join {{ ref('dim_campaigns') }} as campaigns on messages.programme = campaigns.programme
    where messages.state in ('accepted', 'delivered', 'held_out')
    group by campaigns.campaign_id, messages.person_id
)

select
    people.campaign_id,
    cast(sum(people.is_written_to) as bigint) as written_to_count,
    cast(sum(
        case when people.is_written_to = 1 and conversions.order_id is not null then 1 else 0 end
    ) as bigint) as written_to_buyers_count,
    cast(sum(case when people.is_written_to = 0 then people.is_held_out else 0 end) as bigint) as held_out_count,
    cast(sum(
        case when people.is_written_to = 0 and conversions.order_id is not null then 1 else 0 end
    ) as bigint) as held_out_buyers_count
from people
left join {{ ref('fct_campaign_conversions') }} as conversions
    on people.campaign_id = conversions.campaign_id and people.person_id = conversions.person_id
group by people.campaign_id
