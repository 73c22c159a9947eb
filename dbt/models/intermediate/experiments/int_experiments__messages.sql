with steps as (
    select
        experiment_id, programme, item.step as step, _build
    from {{ unnest_list(ref('stg_experiments__experiments'), 'steps') }} as unnested
)

select
    steps.experiment_id,
    messages.message_id,
    messages.person_id,
    arms.arm,
    messages.state,
    messages.planned_at,
    messages.state in ('accepted', 'delivered', 'rejected', 'ambiguous', 'held_out') as has_passed_the_gate,
    messages.state in ('suppressed', 'expired') as was_stopped,
    coalesce(
        messages.accepted_at, messages.handed_over_at, messages.claimed_at, messages.updated_at
    ) as reached_at,
    greatest(messages._build, steps._build) as _build
from {{ ref('fct_messages') }} as messages
inner join steps on messages.programme = steps.programme and messages.step = steps.step
inner join {{ ref('dim_experiment_arms') }} as arms
    on steps.experiment_id = arms.experiment_id and messages.variant = arms.arm
