{# Money: a decimal amount (text or decimal) -> whole cents, half away from zero, exact. #}

{% macro cents(amount) -%}
    cast(round({{ safe_cast(amount, 'decimal(18,4)') }} * 100, 0) as bigint)
{%- endmacro %}

{# An amount times a quantity, rounded once. #}
{% macro line_cents(quantity, unit_price) -%}
    cast(round({{ safe_cast(unit_price, 'decimal(18,4)') }} * cast({{ quantity }} as bigint) * 100, 0) as bigint)
{%- endmacro %}
