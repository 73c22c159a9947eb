select
    cast(entered_at as date) as day,
    stage,
    stage_number,
    channel,
    source,
    lead_source,
    campaign_id,
    count(*) as entered_count,
    cast(sum(case when is_implied then 1 else 0 end) as bigint) as implied_count,
    cast(sum(case when has_advanced then 1 else 0 end) as bigint) as advanced_count,
    cast(sum(case when is_lost then 1 else 0 end) as bigint) as lost_count,
    count(days_in_stage) as timed_count,
    coalesce(sum(days_in_stage), 0) as days_in_stage_sum
from {{ ref('fct_stages') }}
group by cast(entered_at as date), stage, stage_number, channel, source, lead_source, campaign_id
