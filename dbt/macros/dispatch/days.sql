{# One row a day (`day`) from a column of a relation until a day, both included; the key column is `segment_key`. #}
{% macro days_between(relation, from_column, until, key='segment_key') -%}
    {{ return(adapter.dispatch('days_between', 'dmat')(relation, from_column, until, key)) }}
{%- endmacro %}

{% macro duckdb__days_between(relation, from_column, until, key) -%}
    (
        select
            spanned.{{ key }},
            cast(unnest(generate_series(spanned.{{ from_column }}, {{ until }}, interval 1 day)) as date) as day
        from {{ relation }} as spanned
    )
{%- endmacro %}
