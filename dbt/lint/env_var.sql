{# Only for sqlfluff: dbt's own `env_var`, which gives the default. #}

{% macro env_var(name, default='') -%}
    {{ default }}
{%- endmacro %}
