{# Messages to ourselves: tests, and mails to the own staff. The bases `messages` in dbt/metrics leave out the same. #}
{% macro own_mails() -%}
    select sent.message_id
    from {{ ref('fct_messages') }} as sent
    where
        sent.purpose = 'test' or sent.programme like 'test:%'
        or sent.programme in ('alert_notice', 'report', 'sales_notice')
{%- endmacro %}
