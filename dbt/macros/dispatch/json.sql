{# Documents: one pass over the text gives a typed struct; what does not fit the type is null. #}

{% macro parse_json(column, fields) -%}
    {{ return(adapter.dispatch('parse_json', 'dmat')(column, fields)) }}
{%- endmacro %}

{% macro duckdb__parse_json(column, fields) -%}
    from_json({{ column }}, '{{ tojson(fields) }}')
{%- endmacro %}

{# One text from a document, for the rare key that cannot be in the struct. #}
{% macro json_text(column, key) -%}
    {{ return(adapter.dispatch('json_text', 'dmat')(column, key)) }}
{%- endmacro %}

{% macro duckdb__json_text(column, key) -%}
    json_extract_string({{ column }}, '{{ key }}')
{%- endmacro %}

{# The value beside a key in a list of {key, value}. #}
{% macro list_lookup(list, key) -%}
    {{ return(adapter.dispatch('list_lookup', 'dmat')(list, key)) }}
{%- endmacro %}

{% macro duckdb__list_lookup(list, key) -%}
    list_filter({{ list }}, lambda entry: entry.key = '{{ key }}')[1].value
{%- endmacro %}

{# The sum of an expression over a list; `item` is the element. An empty or missing list gives 0. #}
{% macro list_total(list, expression) -%}
    {{ return(adapter.dispatch('list_total', 'dmat')(list, expression)) }}
{%- endmacro %}

{% macro duckdb__list_total(list, expression) -%}
    cast(coalesce(list_sum(list_transform({{ list }}, lambda item: {{ expression }})), 0) as bigint)
{%- endmacro %}

{# One row an element, with `item` and its `line_number` from 1. #}
{% macro unnest_list(relation, list) -%}
    {{ return(adapter.dispatch('unnest_list', 'dmat')(relation, list)) }}
{%- endmacro %}

{% macro duckdb__unnest_list(relation, list) -%}
    (
        select
            unnested.*,
            unnest(unnested.{{ list }}) as item,
            generate_subscripts(unnested.{{ list }}, 1) as line_number
        from {{ relation }} as unnested
    )
{%- endmacro %}
