{# Whether something was done by the time that it was due: null while there is still time, or when nothing is due. #}
{% macro in_time(done_at, due_at) -%}
    case
        when {{ due_at }} is null then null
        when {{ done_at }} is not null then {{ done_at }} <= {{ due_at }}
        when {{ due_at }} <= {{ workspace_now() }} then false
    end
{%- endmacro %}
