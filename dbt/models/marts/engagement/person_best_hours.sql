with reactions as (
    select
        events.person_id,
        {{ local_hour('events.occurred_at', 'people.time_zone') }} as local_hour
    from {{ ref('fct_message_events') }} as events
    inner join {{ ref('dim_people') }} as people on events.person_id = people.person_id
    where
        events.event_type in ('opened', 'clicked', 'read')
        and not events.is_machine
        and events.occurred_at > {{ workspace_now() }} - interval '365 days'
),

hours as (
    select
        person_id,
        local_hour,
        count(*) as reactions_count
    from reactions
    where local_hour is not null
    group by person_id, local_hour
),

smoothed as (
    select
        hours.person_id,
        hours.local_hour,
        hours.reactions_count,
        sum(neighbours.reactions_count * case when neighbours.local_hour = hours.local_hour then 2 else 1 end) as weight
    from hours
    inner join hours as neighbours
        on
            hours.person_id = neighbours.person_id
            and abs(hours.local_hour - neighbours.local_hour) in (0, 1, 23)
    group by hours.person_id, hours.local_hour, hours.reactions_count
),

ranked as (
    select
        smoothed.*,
        sum(reactions_count) over (partition by person_id) as all_reactions_count,
        row_number() over (
            partition by person_id order by weight desc, reactions_count desc, local_hour
        ) as hour_rank
    from smoothed
)

select
    person_id,
    cast(local_hour as integer) as best_hour,
    cast(all_reactions_count as bigint) as reactions_count,
    reactions_count / cast(all_reactions_count as double) as best_hour_share
from ranked
where hour_rank = 1 and all_reactions_count >= 3
