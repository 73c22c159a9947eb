{# Text and hashes. #}

{% macro digits_of(text) -%}
    {{ return(adapter.dispatch('digits_of', 'dmat')(text)) }}
{%- endmacro %}

{% macro duckdb__digits_of(text) -%}
    regexp_replace({{ text }}, '[^0-9]', '', 'g')
{%- endmacro %}

{# Letters and digits only, without accents, in lower case: for comparing names. Empty gives null. #}
{% macro plain_letters(text) -%}
    {{ return(adapter.dispatch('plain_letters', 'dmat')(text)) }}
{%- endmacro %}

{% macro duckdb__plain_letters(text) -%}
    nullif(regexp_replace(strip_accents(lower({{ text }})), '[^\p{L}\p{N}]', '', 'g'), '')
{%- endmacro %}

{% macro last_word(text) -%}
    {{ return(adapter.dispatch('last_word', 'dmat')(text)) }}
{%- endmacro %}

{% macro duckdb__last_word(text) -%}
    regexp_extract({{ text }}, '\S+$')
{%- endmacro %}

{# All words but the last; of a single word, the word itself or (only_if_several) nothing. #}
{% macro but_last_word(text, only_if_several=false) -%}
    {{ return(adapter.dispatch('but_last_word', 'dmat')(text, only_if_several)) }}
{%- endmacro %}

{% macro duckdb__but_last_word(text, only_if_several=false) -%}
    {%- if only_if_several -%}
    case when {{ text }} like '% %' then regexp_replace({{ text }}, '\s+\S+$', '') end
    {%- else -%}
    regexp_replace({{ text }}, '\s+\S+$', '')
    {%- endif -%}
{%- endmacro %}

{# A whole number from a text, the same for ever: the first 15 hex digits of its MD5. #}
{% macro stable_number(text) -%}
    {{ return(adapter.dispatch('stable_number', 'dmat')(text)) }}
{%- endmacro %}

{% macro duckdb__stable_number(text) -%}
    cast('0x' || substr(md5({{ text }}), 1, 15) as bigint)
{%- endmacro %}

{# A hash for grouping inside one query; never stored. #}
{% macro quick_hash(text) -%}
    {{ return(adapter.dispatch('quick_hash', 'dmat')(text)) }}
{%- endmacro %}

{% macro duckdb__quick_hash(text) -%}
    hash({{ text }})
{%- endmacro %}

{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch('matches', 'dmat')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_matches({{ text }}, {{ pattern }})
{%- endmacro %}

{# The last part of the path of a web address; null when there is none. #}
{% macro last_path_part(url) -%}
    {{ return(adapter.dispatch('last_path_part', 'dmat')(url)) }}
{%- endmacro %}

{% macro duckdb__last_path_part(url) -%}
    nullif(regexp_extract({{ url }}, '^https?://[^/?#]+(?:/[^/?#]*)*/([^/?#]+)/?(?:[?#].*)?$', 1), '')
{%- endmacro %}

{# A name as campaigns write it into links: lower case, what is no letter or digit becomes one underscore. #}
{% macro slug_of(text) -%}
    {{ return(adapter.dispatch('slug_of', 'dmat')(text)) }}
{%- endmacro %}

{% macro duckdb__slug_of(text) -%}
    nullif(left(trim(regexp_replace(lower(trim({{ text }})), '[^\p{L}\p{N}_.~:-]+', '_', 'g'), '_'), 150), '')
{%- endmacro %}

{# All texts of a group, one after another in order, with a separator between them. #}
{% macro joined_text(text, separator, ordering) -%}
    {{ return(adapter.dispatch('joined_text', 'dmat')(text, separator, ordering)) }}
{%- endmacro %}

{% macro duckdb__joined_text(text, separator, ordering) -%}
    string_agg({{ text }}, '{{ separator }}' order by {{ ordering }})
{%- endmacro %}

{# Texts without | in the order of moments, those of one moment by name. One text a group is sorted last: an aggregate
   with an order keeps every row of every group apart, and millions of small groups would not fit in memory. #}
{% macro joined_by_time(text, separator, moment) -%}
    {{ return(adapter.dispatch('joined_by_time', 'dmat')(text, separator, moment)) }}
{%- endmacro %}

{% macro duckdb__joined_by_time(text, separator, moment) -%}
    array_to_string(
        list_transform(
            list_sort(string_split(
                string_agg(lpad(cast(epoch_us({{ moment }}) as varchar), 17, '0') || {{ text }}, '|'), '|'
            )),
            lambda each: substr(each, 18)
        ), '{{ separator }}'
    )
{%- endmacro %}
