with deals as (
    select
        coalesce(pipeline, '') || '|' || currency_code as pipeline_key,
        coalesce(pipeline, '') as pipeline,
        currency_code,
        outcome,
        amount_cents,
        cycle_days,
        cast(created_at as date) as opened_on,
        cast(ended_at as date) as ended_on
    from {{ ref('fct_opportunities') }}
    where created_at is not null
),

spans as (
    select
        pipeline_key,
        min(pipeline) as pipeline,
        min(currency_code) as currency_code,
        min(opened_on) as first_day
    from deals
    group by pipeline_key
),

moved as (
    select
        pipeline_key, opened_on as day, 1 as opened_count, amount_cents as opened_cents, 0 as won_count, 0 as won_cents,
        0 as lost_count, 0 as lost_cents, 0 as cycle_days
    from deals
    union all
    select
        pipeline_key, ended_on as day, 0 as opened_count, 0 as opened_cents,
        case when outcome = 'won' then 1 else 0 end as won_count,
        case when outcome = 'won' then amount_cents else 0 end as won_cents,
        case when outcome = 'lost' then 1 else 0 end as lost_count,
        case when outcome = 'lost' then amount_cents else 0 end as lost_cents,
        case when outcome = 'won' then cycle_days else 0 end as cycle_days
    from deals
    where ended_on is not null
),

daily as (
    select
        days.pipeline_key,
        days.day,
        coalesce(sum(moved.opened_count), 0) as opened_count,
        coalesce(sum(moved.opened_cents), 0) as opened_cents,
        coalesce(sum(moved.won_count), 0) as won_count,
        coalesce(sum(moved.won_cents), 0) as won_cents,
        coalesce(sum(moved.lost_count), 0) as lost_count,
        coalesce(sum(moved.lost_cents), 0) as lost_cents,
        coalesce(sum(moved.cycle_days), 0) as won_cycle_days_sum
    from {{ days_between('spans', 'first_day', workspace_now(), 'pipeline_key') }} as days
    left join moved on days.pipeline_key = moved.pipeline_key and days.day = moved.day
    group by days.pipeline_key, days.day
)

select
    daily.day,
    spans.pipeline,
    spans.currency_code,
    cast(daily.opened_count as bigint) as opened_count,
    cast(daily.opened_cents as bigint) as opened_cents,
    cast(daily.won_count as bigint) as won_count,
    cast(daily.won_cents as bigint) as won_cents,
    cast(daily.lost_count as bigint) as lost_count,
    cast(daily.lost_cents as bigint) as lost_cents,
    cast(daily.won_cycle_days_sum as double) as won_cycle_days_sum,
    cast(sum(daily.opened_count - daily.won_count - daily.lost_count) over running as bigint) as open_count,
    cast(sum(daily.opened_cents - daily.won_cents - daily.lost_cents) over running as bigint) as open_cents
from daily
inner join spans on daily.pipeline_key = spans.pipeline_key
window running as (
    partition by daily.pipeline_key order by daily.day rows between unbounded preceding and current row
)
