{# Who was in a segment at a moment, as known at another (nothing: as known now). Values are SQL expressions. #}

{% macro members_at(segment_key, at, known_at=none) -%}
    select person_id
    from {{ ref('segment_memberships') }}
    where
        segment_key = {{ segment_key }}
        and entered_at <= {{ at }}
        {%- if known_at is none %}
        and (left_at is null or left_at > {{ at }})
        {%- else %}
        and recorded_at <= {{ known_at }}
        and (left_at is null or left_at > {{ at }} or left_recorded_at > {{ known_at }})
        {%- endif %}
{%- endmacro %}
