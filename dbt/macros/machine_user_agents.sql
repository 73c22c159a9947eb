{# Whether a user agent is a machine: the patterns of the seed `machine_user_agents`, joined to one constant expression,
   because testing millions of rows pattern by pattern is slow. #}

{% macro is_machine_user_agent(user_agent) -%}
    {%- do ref('machine_user_agents') -%}
    {%- set seed = api.Relation.create(schema='seeds', identifier='machine_user_agents') -%}
    {%- set patterns = [] -%}
    {%- if execute -%}
        {%- set patterns = run_query('select pattern from ' ~ seed ~ ' order by pattern').columns[0].values() -%}
    {%- endif -%}
    {{ matches('lower(' ~ user_agent ~ ')', "'" ~ (patterns | join('|') | replace("'", "''")) ~ "'") }}
{%- endmacro %}
