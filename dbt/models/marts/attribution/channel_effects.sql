with counted as (
    select
        kind,
        path,
        sum(conversions_count) as conversions_count,
        sum(nulls_count) as nulls_count
    from {{ ref('paths') }}
    group by kind, path
),

chains as (
    select
        kind,
        cast(sum(conversions_count) as bigint) as conversions_count,
        {{ markov_effects('path', 'conversions_count', 'nulls_count') }} as effects
    from counted
    group by kind
)

select
    chains.kind,
    chains.item.chain_order as chain_order,
    chains.item.channel as channel,
    chains.item.removal_effect as removal_effect,
    chains.item.attributed_count as attributed_count,
    chains.item.attributed_count / chains.conversions_count as attributed_share,
    chains.item.conversion_probability as conversion_probability,
    chains.conversions_count
from {{ unnest_list('chains', 'effects') }} as chains
