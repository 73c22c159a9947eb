{# Only for sqlfluff: dbt's own `return`, as far as reading the SQL needs it. #}

{% macro return(value) -%}
    {{ value }}
{%- endmacro %}
