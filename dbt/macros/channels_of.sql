{# The marketing channel of each (source, medium): the first rule of the seed `channel_rules` that fits. #}

{% macro channels_of(visits) %}
    select
        pairs.source,
        pairs.medium,
        {{ first_by('rules.channel', 'rules.priority') }} as channel
    from (select distinct source, medium from {{ visits }}) as pairs
    inner join {{ ref('channel_rules') }} as rules
        on
            {{ matches('pairs.source', 'rules.source_pattern') }}
            and {{ matches('pairs.medium', 'rules.medium_pattern') }}
    group by pairs.source, pairs.medium
{%- endmacro %}
