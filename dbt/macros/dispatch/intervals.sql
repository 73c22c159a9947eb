{# Days between two moments, with their fraction; null when one of them is. #}

{% macro days_between_moments(earlier, later) -%}
    {{ return(adapter.dispatch('days_between_moments', 'dmat')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__days_between_moments(earlier, later) -%}
    cast(epoch({{ later }}) - epoch({{ earlier }}) as double) / 86400
{%- endmacro %}

{# A moment, but not before another one; null stays null. #}
{% macro not_before(moment, earliest) -%}
    case when {{ moment }} is not null then greatest({{ moment }}, {{ earliest }}) end
{%- endmacro %}

{# A moment so many whole minutes later. #}
{% macro minutes_after(timestamp, minutes) -%}
    {{ return(adapter.dispatch('minutes_after', 'dmat')(timestamp, minutes)) }}
{%- endmacro %}

{% macro duckdb__minutes_after(timestamp, minutes) -%}
    {{ timestamp }} + to_minutes({{ minutes }})
{%- endmacro %}

{# Which week or month after another one a day is in; 0 for the same. `start` is the first day of that week or month. #}
{% macro periods_since(start, day, grain) -%}
    {{ return(adapter.dispatch('periods_since', 'dmat')(start, day, grain)) }}
{%- endmacro %}

{% macro duckdb__periods_since(start, day, grain) -%}
    {%- if grain == 'week' -%}
    cast((cast(date_trunc('week', {{ day }}) as date) - {{ start }}) / 7 as integer)
    {%- else -%}
    cast(
        (extract(year from {{ day }}) - extract(year from {{ start }})) * 12
        + extract(month from {{ day }}) - extract(month from {{ start }}) as integer
    )
    {%- endif -%}
{%- endmacro %}
