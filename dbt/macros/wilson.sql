{# One bound of the 95 % Wilson score interval of a proportion (Wilson 1927); the difference of two proportions takes
   them as Newcombe (1998, method 10) does. `side` is '-' or '+'. #}

{% macro wilson_bound(rate, trials, side) -%}
    {%- set z = 1.959963984540054 -%}
    {%- set n = 'cast(nullif(' ~ trials ~ ', 0) as double)' -%}
    (
        {{ rate }} + {{ z * z / 2 }} / {{ n }}
        {{ side }} {{ z }} * sqrt({{ rate }} * (1 - {{ rate }}) / {{ n }} + {{ z * z / 4 }} / ({{ n }} * {{ n }}))
    ) / (1 + {{ z * z }} / {{ n }})
{%- endmacro %}
