{# Numbers and choices. #}

{% macro safe_cast(expression, type) -%}
    {{ return(adapter.dispatch('safe_cast', 'dmat')(expression, type)) }}
{%- endmacro %}

{% macro duckdb__safe_cast(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}

{# The value of the row where `ordering` is smallest, among rows where the value is not null. #}
{% macro first_by(value, ordering) -%}
    {{ return(adapter.dispatch('first_by', 'dmat')(value, ordering)) }}
{%- endmacro %}

{% macro duckdb__first_by(value, ordering) -%}
    arg_min({{ value }}, {{ ordering }})
{%- endmacro %}
