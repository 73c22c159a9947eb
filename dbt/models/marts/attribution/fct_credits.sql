{{ config(materialized='view') }}

{%- set carried = [
    'conversion_id', 'kind', 'person_id', 'converted_at', 'value_cents', 'currency_code', 'is_new_customer', 'touch_number',
    'touches_count', 'touch_id', 'touch_kind', 'touched_at', 'channel', 'source', 'medium', 'campaign', 'campaign_id',
    'device', 'browser', 'country_code'
] %}

with touches as (
    select * from {{ ref('fct_touches') }}
),

weighted as (
    select
        touches.*,
        coalesce(effects.removal_effect, 0) as weight,
        sum(coalesce(effects.removal_effect, 0)) over (partition by touches.conversion_id) as weights_sum
    from touches
    left join {{ ref('channel_effects') }} as effects
        on touches.kind = effects.kind and touches.channel = effects.channel and effects.chain_order = 1
    where touches.kind in (select computed.kind from {{ ref('channel_effects') }} as computed)
),

shared_by_chain as (
    select
        weighted.*,
        case when weights_sum > 0 then weight / weights_sum else 1.0 / touches_count end as credit
    from weighted
),

running as (
    select
        shared_by_chain.*,
        {{ cents_until(
            'value_cents', 'sum(credit) over (partition by conversion_id order by touch_number'
            ~ ' rows between unbounded preceding and current row)'
        ) }} as markov_until
    from shared_by_chain
)

{% for model in rule_models().split(',') -%}
select
    '{{ model }}' as model,
    {{ carried | join(', ') }},
    {{ model }}_credit as credit,
    {{ model }}_cents as credited_cents
from touches
union all
{% endfor -%}
select
    'markov' as model,
    {{ carried | join(', ') }},
    cast(credit as double) as credit,
    {{ cents_alone('markov_until') }} as credited_cents
from running
