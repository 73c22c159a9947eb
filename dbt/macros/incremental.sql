{# Which rows an incremental model takes from its parents: those written by a later build than its own newest row. #}

{% macro where_written_since(column='_build') %}
    {%- if is_incremental() -%}
    where {{ column }} > {{ last_build() }}
    {%- endif -%}
{% endmacro %}

{# An incremental strategy for rows that arrive once and are seldom written again: like delete+insert, but only rows that
   are not newer than the table's newest are looked for, so that the usual batch of new rows searches nothing. #}

{% macro get_incremental_rewrite_known_sql(arguments) -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ arguments['target_relation'] }}
    where
        {{ arguments['unique_key'] }} in (
            select written.{{ arguments['unique_key'] }}
            from {{ arguments['temp_relation'] }} as written
            where
                written._loaded_at <= (
                    select max(loaded._loaded_at) from {{ arguments['target_relation'] }} as loaded
                )
        );

    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
{%- endmacro %}

{# This model's own table, without the database name (in a unit test it is the name of a fixture). #}
{% macro own_rows() -%}
    {{ this if this is string else this.include(database=false) }}
{%- endmacro %}
