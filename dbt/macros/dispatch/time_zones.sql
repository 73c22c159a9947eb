{# IANA name of a time zone: HubSpot writes 'america_slash_new_york' for 'America/New_York'. #}

{% macro iana_time_zone(time_zone) -%}
    {{ return(adapter.dispatch('iana_time_zone', 'dmat')(time_zone)) }}
{%- endmacro %}

{% macro duckdb__iana_time_zone(time_zone) -%}
    case
        when {{ time_zone }} like '%\_slash\_%' escape '\'
            then array_to_string(list_transform(
                string_split(replace({{ time_zone }}, '_slash_', '/'), '/'),
                lambda part: array_to_string(list_transform(
                    string_split(part, '_'), lambda word: upper(word[1]) || lower(word[2:])
                ), '_')
            ), '/')
        when {{ time_zone }} like '%/%' or upper({{ time_zone }}) = 'UTC' then {{ time_zone }}
    end
{%- endmacro %}
