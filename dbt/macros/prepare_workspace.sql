{# Runs before every build: makes missing raw tables and columns, so that a workspace with one vendor or of an
   older release builds, and counts the build. #}

{% macro prepare_workspace() %}
    {% if execute %}
        {% set now_at = env_var('DMAT_DBT_NOW', '') %}
        {% set statements = ['create schema if not exists raw'] %}
        {% for node in graph.sources.values() if node.source_name == 'raw' %}
            {% set columns = node.meta.get('raw_columns') or raw_columns() %}
            {% do statements.append('create table if not exists raw.' ~ node.name ~ ' (' ~ columns ~ ')') %}
            {% for column in node.meta.get('later_columns', []) %}
                {% do statements.append('alter table raw.' ~ node.name ~ ' add column if not exists ' ~ column) %}
            {% endfor %}
        {% endfor %}
        {% do statements.append(
            'insert into raw.workspace_clock select 0, timestamp \'1970-01-01\''
            ~ ' where not exists (select 1 from raw.workspace_clock)'
        ) %}
        {% do statements.append(
            'update raw.workspace_clock set build_number = build_number + 1, now_at = '
            ~ ("timestamp '" ~ now_at ~ "'" if now_at else utc_now())
        ) %}
        {% do run_query(statements | join(';\n')) %}
    {% endif %}
{% endmacro %}

{% macro raw_columns() -%}
    record_id varchar not null, record_updated_at timestamp not null, payload json not null,
    payload_hash varchar not null, _loaded_at timestamp not null, _run_id varchar not null
{%- endmacro %}
