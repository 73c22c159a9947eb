{# Incremental tables. Like what dbt brings, without the looks at the catalogue for what DuckDB does not have here: lengths
   of texts, indexes, foreign keys, grants. A new one is created, never replaced: the statement must fail when a resident
   process says it again, so that dbt is asked for the next one (dmat_pipelines/conform/hot.py). #}

{% materialization incremental, adapter="duckdb" %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {% do before_the_model() %}
    {%- if existing is none or not existing.is_table or should_full_refresh() %}
        {% do drop_unless(existing, 'table') %}
        {%- set create = 'create table' if existing is none else 'create or replace table' %}
        {%- call statement('main') %}
            {{ fill_table(create, target_relation, compiled_code) }}
        {%- endcall %}
    {%- else %}
        {%- set news = make_temp_relation(target_relation) %}
        {% do run_query(create_table_as(True, news, compiled_code)) %}
        {%- set columns = process_schema_changes(config.get('on_schema_change'), news, existing) %}
        {%- set strategy = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy')) %}
        {%- call statement('main') %}
            {{ strategy({
                'target_relation': target_relation, 'temp_relation': news, 'unique_key': config.get('unique_key'),
                'dest_columns': columns, 'incremental_predicates': none,
            }) }}
        {%- endcall %}
    {%- endif %}
    {% do after_the_model() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
