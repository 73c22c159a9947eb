{# Views by one statement. What dbt brings makes each view under another name and renames twice, and looks at the
   catalogue for each step; DuckDB replaces a view in its transaction. #}

{% materialization view, adapter="duckdb" %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {% do before_the_model() %}
    {% do drop_unless(existing, 'view') %}
    {%- if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(compiled_code) }}
    {%- endif %}
    {%- call statement('main') %}
        create or replace view {{ target_relation }} as (
            {{ compiled_code }}
        )
    {%- endcall %}
    {% do after_the_model() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
