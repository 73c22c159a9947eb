{# Where a person stands: what was bought outweighs what the CRM says; who bought nothing is a lead or a subscriber. #}

{% macro lifecycle(crm_stage, orders_count) -%}
    case
        when {{ orders_count }} >= 2 then 'repeat_customer'
        when {{ orders_count }} = 1 or {{ crm_stage }} = 'customer' then 'customer'
        when {{ crm_stage }} in ('opportunity', 'salesqualifiedlead') then 'opportunity'
        when {{ crm_stage }} in ('lead', 'marketingqualifiedlead') then 'lead'
        else 'subscriber'
    end
{%- endmacro %}
