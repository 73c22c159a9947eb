{# Company sizes as forms offer them, from a number of employees; null when it is not known. #}
{% macro company_size(employees_count) -%}
    case
        when {{ employees_count }} >= 1000 then '1000+'
        when {{ employees_count }} > 200 then '201-1000'
        when {{ employees_count }} > 50 then '51-200'
        when {{ employees_count }} > 10 then '11-50'
        when {{ employees_count }} > 0 then '1-10'
    end
{%- endmacro %}

{# What is left of points after some time: half of them after each half-life; without one they stay. To the hundredth. #}
{% macro decayed_points(points, half_life_days, since, moment) -%}
    cast(round(
        {{ points }} * case
            when {{ half_life_days }} is null then 1.0
            else power(
                0.5,
                greatest({{ seconds_of(moment) }} - {{ seconds_of(since) }}, 0) / 86400.0 / {{ half_life_days }}
            )
        end, 2
    ) as decimal(12, 2))
{%- endmacro %}
