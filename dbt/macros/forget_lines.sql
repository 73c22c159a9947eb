{# After a build, lines written by an earlier one of an order or cart that this build read anew are gone at the source:
   only an order left without any line still has them, because its lines are replaced by nothing. #}

{% macro forget_lines(key, parents) -%}
    delete from {{ own_rows() }}
    where
        _build < {{ this_build() }}
        and {{ key }} in (
            {%- for table, expression in parents %}
            select {{ expression }} from {{ ref(table) }} where _build = {{ this_build() }}
            {{- ' union all' if not loop.last }}
            {%- endfor %}
        )
{%- endmacro %}
