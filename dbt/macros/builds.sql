{# The workspace's time at the start of this build (make-believe in a simulated company). #}
{% macro workspace_now() -%}
    (select max(now_at) from raw.workspace_clock)
{%- endmacro %}

{# The number of this build; rows carry the number of the build that last wrote them. #}
{% macro this_build() -%}
    (select max(build_number) from raw.workspace_clock)
{%- endmacro %}

{# The number of the newest build that wrote rows into this table. #}
{% macro last_build() -%}
    (select coalesce(max(written._build), 0) from {{ own_rows() }} as written)
{%- endmacro %}
