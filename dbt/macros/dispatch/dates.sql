{# Times: always UTC without zone. #}

{% macro utc_now() -%}
    {{ return(adapter.dispatch('utc_now', 'dmat')()) }}
{%- endmacro %}

{% macro duckdb__utc_now() -%}
    cast(now() at time zone 'UTC' as timestamp)
{%- endmacro %}

{# ISO 8601 text, with or without offset -> UTC; what is no time is null. #}
{% macro utc_timestamp(text) -%}
    {{ return(adapter.dispatch('utc_timestamp', 'dmat')(text)) }}
{%- endmacro %}

{% macro duckdb__utc_timestamp(text) -%}
    cast(try_cast({{ text }} as timestamptz) at time zone 'UTC' as timestamp)
{%- endmacro %}

{# Seconds since 1970 -> UTC. #}
{% macro timestamp_of_seconds(seconds) -%}
    {{ return(adapter.dispatch('timestamp_of_seconds', 'dmat')(seconds)) }}
{%- endmacro %}

{% macro duckdb__timestamp_of_seconds(seconds) -%}
    make_timestamp(cast({{ seconds }} as bigint) * 1000000)
{%- endmacro %}

{# Milliseconds since 1970 -> UTC. #}
{% macro timestamp_of_milliseconds(milliseconds) -%}
    {{ return(adapter.dispatch('timestamp_of_milliseconds', 'dmat')(milliseconds)) }}
{%- endmacro %}

{% macro duckdb__timestamp_of_milliseconds(milliseconds) -%}
    make_timestamp(cast({{ milliseconds }} as bigint) * 1000)
{%- endmacro %}

{# 'Mon, 16 Aug 2010 23:00:00 +0000' (RFC 2822) -> UTC. #}
{% macro timestamp_of_rfc2822(text) -%}
    {{ return(adapter.dispatch('timestamp_of_rfc2822', 'dmat')(text)) }}
{%- endmacro %}

{% macro duckdb__timestamp_of_rfc2822(text) -%}
    cast(try_strptime({{ text }}, '%a, %d %b %Y %H:%M:%S %z') at time zone 'UTC' as timestamp)
{%- endmacro %}

{# '202612312359' -> UTC. #}
{% macro timestamp_of_minute(text) -%}
    {{ return(adapter.dispatch('timestamp_of_minute', 'dmat')(text)) }}
{%- endmacro %}

{% macro duckdb__timestamp_of_minute(text) -%}
    try_strptime({{ text }}, '%Y%m%d%H%M')
{%- endmacro %}

{# Whole seconds since 1970, for ordering. #}
{% macro seconds_of(timestamp) -%}
    {{ return(adapter.dispatch('seconds_of', 'dmat')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__seconds_of(timestamp) -%}
    cast(epoch({{ timestamp }}) as bigint)
{%- endmacro %}

{# The next moment that a timestamp can hold. #}
{% macro moment_after(timestamp) -%}
    {{ return(adapter.dispatch('moment_after', 'dmat')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__moment_after(timestamp) -%}
    {{ timestamp }} + interval '1 microsecond'
{%- endmacro %}

{# A moment so many whole days later. #}
{% macro days_after(timestamp, days) -%}
    {{ return(adapter.dispatch('days_after', 'dmat')(timestamp, days)) }}
{%- endmacro %}

{% macro duckdb__days_after(timestamp, days) -%}
    {{ timestamp }} + to_days({{ days }})
{%- endmacro %}

{# Hour of the day (0 to 23) where a time zone is; null where the zone is not known. #}
{% macro local_hour(timestamp, time_zone) -%}
    {{ return(adapter.dispatch('local_hour', 'dmat')(timestamp, time_zone)) }}
{%- endmacro %}

{% macro duckdb__local_hour(timestamp, time_zone) -%}
    case
        when {{ time_zone }} in (select name from pg_timezone_names())
            then extract(hour from ({{ timestamp }} at time zone 'UTC') at time zone {{ time_zone }})
    end
{%- endmacro %}
