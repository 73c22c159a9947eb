{# Numbers and choices. #}

{% macro safe_cast(expression, type) -%}
    {{ return(adapter.dispatch('safe_cast', 'dmat')(expression, type)) }}
{%- endmacro %}

{% macro duckdb__safe_cast(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}

{# All values that are not null, each once, in order, as a list. #}
{% macro sorted_list(value) -%}
    {{ return(adapter.dispatch('sorted_list', 'dmat')(value)) }}
{%- endmacro %}

{% macro duckdb__sorted_list(value) -%}
    list_sort(coalesce(list(distinct {{ value }}) filter (where {{ value }} is not null), []))
{%- endmacro %}

{# The value of the row where `ordering` is smallest, among rows where the value is not null. #}
{% macro first_by(value, ordering) -%}
    {{ return(adapter.dispatch('first_by', 'dmat')(value, ordering)) }}
{%- endmacro %}

{% macro duckdb__first_by(value, ordering) -%}
    arg_min({{ value }}, {{ ordering }})
{%- endmacro %}

{# A number above 0 to so many digits, of which the first is not 0. #}
{% macro rounded_to_digits(number, digits) -%}
    {{ return(adapter.dispatch('rounded_to_digits', 'dmat')(number, digits)) }}
{%- endmacro %}

{% macro duckdb__rounded_to_digits(number, digits) -%}
    round({{ number }} / power(10, floor(log10({{ number }})) - {{ digits - 1 }}), 0)
    * power(10, floor(log10({{ number }})) - {{ digits - 1 }})
{%- endmacro %}
