{# Connected components: in each round a contact takes the smallest label at its keys, then the label of that label.
   The jump doubles the reach of each round, so 5 rounds join chains of more than 30 contacts; a test proves that
   no key is left with two labels. #}

{% macro propagate_labels(edges, prefix, rounds) %}
{%- for round in range(1, rounds + 1) %}
{{ prefix }}{{ round }}_at_keys as (
    select
        edges.match_number,
        min(labels.label) as label
    from {{ edges }} as edges
    inner join {{ prefix }}{{ round - 1 }} as labels on edges.contact_number = labels.contact_number
    group by edges.match_number
),

{{ prefix }}{{ round }}_near as (
    select
        edges.contact_number,
        min(at_keys.label) as label
    from {{ edges }} as edges
    inner join {{ prefix }}{{ round }}_at_keys as at_keys on edges.match_number = at_keys.match_number
    group by edges.contact_number
),

{{ prefix }}{{ round }} as (
    select
        near.contact_number,
        least(near.label, jumped.label) as label
    from {{ prefix }}{{ round }}_near as near
    inner join {{ prefix }}{{ round }}_near as jumped on near.label = jumped.contact_number
)
{{- ',' if not loop.last }}
{% endfor %}
{%- endmacro %}
