{# The models that share a conversion out by a rule, with commas: each has columns `_credit` and `_cents` in
   attribution.fct_touches. #}
{% macro rule_models() -%}
    first_touch,last_touch,last_non_direct,linear,position,time_decay,shapley
{%- endmacro %}

{# Whole cents of a value up to and with a touch, and of the touch alone: what is rounded at one touch is made good at
   the next, so that the parts of a conversion add up to its value. `shared` is the sum of shares until there. #}
{% macro cents_until(value, shared) -%}
    cast(round({{ value }} * {{ shared }}, 0) as bigint)
{%- endmacro %}

{% macro cents_alone(cents_until) -%}
    {{ cents_until }} - coalesce(lag({{ cents_until }}) over (partition by conversion_id order by touch_number), 0)
{%- endmacro %}
