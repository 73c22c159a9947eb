-- Ids of touches stand as hashes: millions of them would not fit in memory.

with credited as (
    select
        kind, conversion_id, touch_number, channel, value_cents, currency_code, touches_count, channels_count,
        case when touch_id is not null then {{ quick_hash('touch_id') }} end as touch_hash
    from {{ ref('fct_touches') }}
),

conversion_paths as (
    select
        kind,
        conversion_id,
        min(currency_code) as currency_code,
        min(value_cents) as value_cents,
        min(touches_count) as touches_count,
        min(channels_count) as channels_count,
        {{ joined_text('channel', ' > ', 'touch_number') }} as path
    from credited
    group by kind, conversion_id
),

last_conversions as (
    select
        kind, person_id, max(converted_at) as last_at
    from {{ ref('int_attribution__conversions') }}
    where person_id is not null
    group by kind, person_id
),

touches as (
    select
        {{ quick_hash('touch_id') }} as touch_hash, person_id, touched_at, channel
    from {{ ref('int_attribution__touches') }}
),

unused as (
    {%- for kind in ['order', 'lead', 'deal'] %}
    select
        '{{ kind }}' as kind,
        touches.*,
        coalesce(touches.touched_at > converted.last_at, false) as is_after
    from touches
    left join last_conversions as converted on touches.person_id = converted.person_id and converted.kind = '{{ kind }}'
    where
        touches.touch_hash not in (
            select used.touch_hash from credited as used where used.kind = '{{ kind }}' and used.touch_hash is not null
        )
        {%- if kind == 'deal' %}
        and touches.person_id in (select leads.person_id from {{ ref('fct_leads') }} as leads where leads.person_id is not null)
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

null_paths as (
    select
        kind,
        person_id,
        is_after,
        count(*) as touches_count,
        count(distinct channel) as channels_count,
        {{ joined_by_time('channel', ' > ', 'touched_at') }} as path
    from unused
    group by kind, person_id, is_after
),

together as (
    select
        kind, path, currency_code, touches_count, channels_count, 1 as conversions_count, 0 as nulls_count, value_cents
    from conversion_paths
    union all
    select
        kind, path, null as currency_code, touches_count, channels_count, 0 as conversions_count, 1 as nulls_count,
        0 as value_cents
    from null_paths
)

select
    kind,
    path,
    coalesce(currency_code, 'XXX') as currency_code,
    cast(min(touches_count) as integer) as touches_count,
    cast(min(channels_count) as integer) as channels_count,
    cast(sum(conversions_count) as bigint) as conversions_count,
    cast(sum(nulls_count) as bigint) as nulls_count,
    cast(sum(value_cents) as bigint) as value_cents
from together
group by kind, path, coalesce(currency_code, 'XXX')
