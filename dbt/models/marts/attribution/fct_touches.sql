with numbered_conversions as (
    select
        conversions.*,
        lag(conversions.converted_at) over (
            partition by conversions.kind, conversions.person_id order by conversions.converted_at, conversions.conversion_id
        ) as previous_at
    from {{ ref('int_attribution__conversions') }} as conversions
),

touched as (
    select
        conversions.conversion_id,
        touches.*,
        {{ days_between_moments('touches.touched_at', 'conversions.converted_at') }} as age_days
    from numbered_conversions as conversions
    inner join {{ ref('int_attribution__touches') }} as touches
        on
            conversions.person_id = touches.person_id
            and conversions.converted_at >= touches.touched_at
            and {{ days_after('conversions.converted_at', '-' ~ look_back_days()) }} < touches.touched_at
            and coalesce(conversions.previous_at, timestamp '1970-01-01') < touches.touched_at
),

joined as (
    select
        conversions.conversion_id,
        conversions.kind,
        conversions.person_id,
        conversions.converted_at,
        conversions.value_cents,
        conversions.currency_code,
        conversions.is_new_customer,
        touched.touch_id,
        coalesce(touched.touch_kind, 'none') as touch_kind,
        touched.touched_at,
        coalesce(touched.channel, 'unknown') as channel,
        touched.source,
        touched.medium,
        touched.campaign,
        touched.campaign_id,
        touched.device,
        touched.browser,
        touched.country_code,
        touched.age_days,
        row_number() over (
            partition by conversions.conversion_id order by touched.touched_at, touched.touch_id
        ) as touch_number,
        row_number() over (
            partition by conversions.conversion_id, touched.channel order by touched.touched_at, touched.touch_id
        ) as number_in_channel,
        count(*) over (partition by conversions.conversion_id, touched.channel) as count_in_channel,
        count(*) over (partition by conversions.conversion_id) as touches_count,
        min(touched.age_days) over (partition by conversions.conversion_id) as youngest_days
    from numbered_conversions as conversions
    left join touched on conversions.conversion_id = touched.conversion_id
),

measured as (
    select
        joined.*,
        sum(case when number_in_channel = 1 then 1 else 0 end) over (partition by conversion_id) as channels_count,
        power(0.5, coalesce(age_days - youngest_days, 0) / {{ attribution_half_life_days() }}) as weight,
        max(case when channel <> 'direct' then touch_number end) over (partition by conversion_id) as last_named_number
    from joined
),

weighted as (
    select
        measured.*,
        sum(weight) over (partition by conversion_id) as weights_sum
    from measured
),

credited as (
    select
        weighted.*,
        case when touch_number = 1 then 1.0 else 0.0 end as first_touch_credit,
        case when touch_number = touches_count then 1.0 else 0.0 end as last_touch_credit,
        case when touch_number = coalesce(last_named_number, touches_count) then 1.0 else 0.0 end
            as last_non_direct_credit,
        1.0 / touches_count as linear_credit,
        case
            when touches_count <= 2 then 1.0 / touches_count
            when touch_number = 1 or touch_number = touches_count then {{ attribution_ends_share() }}
            else (1 - 2 * {{ attribution_ends_share() }}) / (touches_count - 2)
        end as position_credit,
        weight / weights_sum as time_decay_credit,
        1.0 / (channels_count * count_in_channel) as shapley_credit
    from weighted
),

shared as (
    select
        credited.*
        {%- for model in rule_models().split(',') %},
        {{ cents_until(
            'value_cents', 'sum(cast(' ~ model ~ '_credit as double)) over (partition by conversion_id order by touch_number'
            ~ ' rows between unbounded preceding and current row)'
        ) }} as {{ model }}_until
        {%- endfor %}
    from credited
)

select
    conversion_id,
    kind,
    cast(person_id as bigint) as person_id,
    converted_at,
    value_cents,
    currency_code,
    is_new_customer,
    cast(touch_number as integer) as touch_number,
    cast(touches_count as integer) as touches_count,
    cast(channels_count as integer) as channels_count,
    touch_id,
    touch_kind,
    touched_at,
    age_days,
    channel,
    source,
    medium,
    campaign,
    cast(campaign_id as bigint) as campaign_id,
    device,
    browser,
    country_code
    {%- for model in rule_models().split(',') %},
    cast({{ model }}_credit as double) as {{ model }}_credit,
    {{ cents_alone(model ~ '_until') }} as {{ model }}_cents
    {%- endfor %}
from shared
