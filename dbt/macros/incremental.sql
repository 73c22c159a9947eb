{# Which rows an incremental model takes from its parents: those written by a later build than its own newest row. #}

{% macro where_written_since(column='_build') %}
    {%- if is_incremental() -%}
    where {{ column }} > {{ last_build() }}
    {%- endif -%}
{% endmacro %}

{# This model's own table, without the database name (in a unit test it is the name of a fixture). #}
{% macro own_rows() -%}
    {{ this if this is string else this.include(database=false) }}
{%- endmacro %}
