{# Settings of measurement, as the process that builds has them; the defaults are those of dmat/settings.py. #}

{# For how many days before a conversion touches count. #}
{% macro look_back_days() -%}
    {{ env_var('DMAT_DBT_LOOK_BACK_DAYS', '30') | int }}
{%- endmacro %}

{# After so many days a touch counts half in the time decay model. #}
{% macro attribution_half_life_days() -%}
    {{ env_var('DMAT_DBT_HALF_LIFE_DAYS', '7.0') | float }}
{%- endmacro %}

{# What the position model gives to the first touch and to the last. #}
{% macro attribution_ends_share() -%}
    {{ env_var('DMAT_DBT_ENDS_SHARE', '0.4') | float }}
{%- endmacro %}

{# A column of this model's own table, or null while the table was made before the column was added. #}
{% macro own_column(rows, name, type) -%}
    {%- if execute and this is not string and is_incremental()
        and name not in adapter.get_columns_in_relation(this) | map(attribute='name') | list -%}
        cast(null as {{ type }})
    {%- else -%}
        {{ rows }}.{{ name }}
    {%- endif -%}
{%- endmacro %}
