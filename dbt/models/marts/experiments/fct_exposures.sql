{{ config(materialized='incremental', unique_key=['experiment_id', 'unit_id'], tags=['hot']) }}
-- depends_on: {{ ref('person_merges') }}

with messages as (
    select * from {{ ref('int_experiments__messages') }}
    {%- if is_incremental() %}
    where
        person_id in (
            select changed.person_id from {{ ref('int_experiments__messages') }} as changed
            where changed._build > {{ last_build() }}
        )
    {%- endif %}
),

people as (
    select
        messages.experiment_id,
        messages.person_id as unit_id,
        'person' as unit_kind,
        messages.person_id,
        {{ first_by('messages.arm', 'messages.planned_at') }} as arm,
        count(distinct messages.arm) as arms_count,
        min(messages.planned_at) as assigned_at,
        min(case when messages.has_passed_the_gate then messages.reached_at end) as passed_at,
        min(case when messages.was_stopped then messages.reached_at end) as stopped_at
    from messages
    where
        messages.experiment_id not in (
            select inside.experiment_id from {{ ref('dim_experiments') }} as inside
            where inside.programme like 'journey:%'
        )
    group by messages.experiment_id, messages.person_id
),

visitors as (
    select
        visitors.experiment_id,
        visitors.unit_id,
        case when visitors.member_person_id is null then 'visitor' else 'member' end as unit_kind,
        coalesce(merged.surviving_person_id, visitors.member_person_id, clients.person_id) as person_id,
        visitors.arm,
        cast(1 as bigint) as arms_count,
        visitors.seen_at as assigned_at,
        visitors.seen_at as passed_at,
        cast(null as timestamp) as stopped_at
    from {{ ref('stg_experiments__visitors') }} as visitors
    left join {{ ref('int_people__client_ids') }} as clients on visitors.client_id = clients.client_id
    left join {{ ref('person_merges') }} as merged on visitors.member_person_id = merged.merged_person_id
    {%- if is_incremental() %}
    where
        visitors._build > {{ last_build() }}
        or clients._build > {{ last_build() }}
        or merged._build > {{ last_build() }}
    {%- endif %}
),

units as (
    select * from people
    union all
    select * from visitors
),

exposed as (
    select
        units.experiment_id,
        units.unit_id,
        units.unit_kind,
        units.person_id,
        units.arm,
        units.arms_count,
        units.assigned_at,
        case
            when units.passed_at is not null then units.passed_at
            when experiments.counts_everybody then units.stopped_at
        end as exposed_at,
        experiments.conversion_days,
        experiments.currency_code
    from units
    inner join {{ ref('dim_experiments') }} as experiments on units.experiment_id = experiments.experiment_id
),

{%- if is_incremental() %}

known as (
    select own.*
    from {{ own_rows() }} as own
    inner join exposed on own.experiment_id = exposed.experiment_id and own.unit_id = exposed.unit_id
),
{%- endif %}

orders_before as (
    select
        exposed.experiment_id,
        exposed.unit_id,
        count(*) as orders_count,
        sum(case when orders.currency_code = exposed.currency_code then orders.net_cents else 0 end) as revenue_cents
    from exposed
    inner join {{ ref('fct_orders') }} as orders
        on
            exposed.person_id = orders.person_id
            and orders.ordered_at < exposed.assigned_at
            and orders.ordered_at >= {{ days_after('exposed.assigned_at', -90) }}
    where {{ counts_as_order('orders.status') }}
    group by exposed.experiment_id, exposed.unit_id
),

messages_before as (
    select
        exposed.experiment_id,
        exposed.unit_id,
        sum(case when earlier.first_opened_at < exposed.assigned_at then 1 else 0 end) as opened_count,
        sum(case when earlier.first_clicked_at < exposed.assigned_at then 1 else 0 end) as clicked_count
    from exposed
    inner join {{ ref('fct_messages') }} as earlier
        on
            exposed.person_id = earlier.person_id
            and earlier.delivered_at < exposed.assigned_at
            and earlier.delivered_at >= {{ days_after('exposed.assigned_at', -90) }}
    group by exposed.experiment_id, exposed.unit_id
)

select
    exposed.experiment_id,
    exposed.unit_id,
    exposed.unit_kind,
    exposed.person_id,
    exposed.arm,
    exposed.arms_count,
    exposed.assigned_at,
    exposed.exposed_at,
    cast(exposed.exposed_at as date) as exposed_date,
    exposed.exposed_at is not null as is_counted,
    exposed.conversion_days,
    exposed.currency_code,
    coalesce(orders_before.orders_count, 0) as orders_before_count,
    cast(coalesce(orders_before.revenue_cents, 0) as bigint) as revenue_before_cents,
    cast(coalesce(messages_before.opened_count, 0) as bigint) as opened_before_count,
    cast(coalesce(messages_before.clicked_count, 0) as bigint) as clicked_before_count,
    {%- if is_incremental() %}
    nullif(known.exposed_date, cast(exposed.exposed_at as date)) as moved_from_date,
    {%- else %}
    cast(null as date) as moved_from_date,
    {%- endif %}
    {{ this_build() }} as _build
from exposed
left join orders_before
    on exposed.experiment_id = orders_before.experiment_id and exposed.unit_id = orders_before.unit_id
left join messages_before
    on exposed.experiment_id = messages_before.experiment_id and exposed.unit_id = messages_before.unit_id
{%- if is_incremental() %}
left join known on exposed.experiment_id = known.experiment_id and exposed.unit_id = known.unit_id
union all
select
    gone.experiment_id,
    gone.unit_id,
    gone.unit_kind,
    gone.person_id,
    gone.arm,
    gone.arms_count,
    gone.assigned_at,
    cast(null as timestamp) as exposed_at,
    cast(null as date) as exposed_date,
    false as is_counted,
    gone.conversion_days,
    gone.currency_code,
    gone.orders_before_count,
    gone.revenue_before_cents,
    gone.opened_before_count,
    gone.clicked_before_count,
    gone.exposed_date as moved_from_date,
    {{ this_build() }} as _build
from {{ own_rows() }} as gone
inner join {{ ref('person_merges') }} as merged on gone.unit_id = merged.merged_person_id
where gone.unit_kind = 'person' and merged._build > {{ last_build() }}
{%- endif %}
