{# Tables by one statement, in the transaction of the model. What dbt brings makes each table under another name, renames
   twice, drops once, and looks at the catalogue for each step; DuckDB replaces a table in its transaction, and whoever
   reads meanwhile reads the former one. What is built from scratch never reads its own former rows. #}

{% materialization table, adapter="duckdb" %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {% do before_the_model() %}
    {% do drop_unless(load_cached_relation(this), 'table') %}
    {%- call statement('main') %}
        {{ fill_table('create or replace table', target_relation, compiled_code) }}
    {%- endcall %}
    {% do after_the_model() %}
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

{# A view that became a table, or the other way round. #}
{% macro drop_unless(existing, kind) -%}
    {%- if existing is not none and existing.type != kind %}
        {% do adapter.drop_relation(existing) %}
    {%- endif %}
{%- endmacro %}

{% macro before_the_model() -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
{%- endmacro %}

{% macro after_the_model() -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{%- endmacro %}
