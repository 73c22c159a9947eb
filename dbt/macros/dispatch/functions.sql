{# Functions that SQL cannot write; on DuckDB they are dmat_pipelines/conform/functions.py. They take lists that are in
   the same order and give a list of rows. #}

{% macro markov_effects(paths, conversions, nulls) -%}
    {{ return(adapter.dispatch('markov_effects', 'dmat')(paths, conversions, nulls)) }}
{%- endmacro %}

{% macro duckdb__markov_effects(paths, conversions, nulls) -%}
    markov_effects(
        list({{ paths }} order by {{ paths }}),
        list(cast({{ conversions }} as double) order by {{ paths }}),
        list(cast({{ nulls }} as double) order by {{ paths }})
    )
{%- endmacro %}
