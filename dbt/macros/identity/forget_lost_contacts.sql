{# A build from scratch drops contacts that no source has any more (a guest whose order was given a customer, say). #}

{% macro forget_lost_contacts() -%}
    {%- set contacts = ref('int_people__contacts') -%}
    {%- if flags.FULL_REFRESH -%}
    delete from {{ own_rows() }} where contact_key not in (select contact_key from {{ contacts }})
    {%- endif -%}
{%- endmacro %}
