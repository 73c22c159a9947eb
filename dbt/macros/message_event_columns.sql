{# What is known of an event of a message, but for the person: the columns that the intermediate table and its mart
   carry on as they are, in one place. #}

{% macro message_event_columns(relation='') %}
    {%- for name in [
        'event_key', 'record_id', 'provider', 'message_id', 'provider_message_id', 'channel', 'event_type', 'email',
        'phone', 'occurred_at', 'url', 'user_agent', 'reason', 'is_machine', '_loaded_at'
    ] -%}
        {{ relation ~ '.' if relation }}{{ name }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{% endmacro %}
