{# Tables by one statement, in the transaction of the model. What dbt brings makes each table under another name, renames
   twice, drops once, and looks at the catalogue for each step; DuckDB replaces a table in its transaction, and whoever
   reads meanwhile reads the former one. What is built from scratch never reads its own former rows. #}

{% materialization table, adapter="duckdb" %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% do drop_unless_table(load_cached_relation(this)) %}
    {%- call statement('main') %}
        {{ fill_table('create or replace table', target_relation, compiled_code) }}
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro fill_table(create, relation, compiled_code) -%}
    {%- if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(compiled_code) }}
        {{ create }} {{ relation }} {{ get_table_columns_and_constraints() }};
        insert into {{ relation }} {{ get_column_names() }} ({{ get_select_subquery(compiled_code) }})
    {%- else %}
        {{ create }} {{ relation }} as ({{ compiled_code }})
    {%- endif %}
{%- endmacro %}

{# A view that became a table. #}
{% macro drop_unless_table(existing) -%}
    {%- if existing is not none and not existing.is_table %}
        {% do adapter.drop_relation(existing) %}
    {%- endif %}
{%- endmacro %}
