{# Whether an order counts as one: a cancelled one, a credit note and an adjustment of the books do not. #}

{% macro counts_as_order(status) -%}
    {{ status }} not in ('cancelled', 'credit_note', 'adjustment')
{%- endmacro %}
