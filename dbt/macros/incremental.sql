{# Which rows an incremental model takes from its parents: those written by a later build than its own newest row. #}

{% macro where_written_since(column='_build') %}
    {%- if is_incremental() -%}
    where {{ column }} > {{ last_build() }}
    {%- endif -%}
{% endmacro %}
