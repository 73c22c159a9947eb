{# Addresses and names as they are compared. #}

{# Lower case without spaces around; what cannot be an address is null. #}
{% macro normal_email(email) -%}
    case when {{ matches(email, "'^\\s*[^@\\s]+@[^@\\s]+\\.[^@\\s.]+\\s*$'") }} then lower(trim({{ email }})) end
{%- endmacro %}

{# The mailbox of a normal address: what follows a + is the owner's own label. #}
{% macro mailbox(email) -%}
    case
        when split_part({{ email }}, '@', 1) like '_%+%'
            then split_part({{ email }}, '+', 1) || '@' || split_part({{ email }}, '@', 2)
        else {{ email }}
    end
{%- endmacro %}

{# E.164. A number that says its country (+ or 00) is kept; a national one gets the prefix of the contact's country,
   without its trunk zero, in brackets or not; what has fewer than 8 or more than 15 digits, or no known country, is null. #}
{% macro normal_phone(phone, prefix, keeps_zero) -%}
    {%- set digits = digits_of("replace(" ~ phone ~ ", '(0)', '')") -%}
    {%- set number -%}
        case
            when trim({{ phone }}) like '+%' then {{ digits }}
            when trim({{ phone }}) like '00%' then substr({{ digits }}, 3)
            when {{ prefix }} is null then null
            when {{ digits }} like {{ prefix }} || '%' and length({{ digits }}) >= 11 then {{ digits }}
            when {{ keeps_zero }} then {{ prefix }} || {{ digits }}
            when {{ digits }} like '0%' then {{ prefix }} || substr({{ digits }}, 2)
            else {{ prefix }} || {{ digits }}
        end
    {%- endset -%}
    case when length({{ number }}) between 8 and 15 then '+' || {{ number }} end
{%- endmacro %}

{# One part of a name as it is compared: accents, case, spaces and punctuation do not matter. When only one of the two
   fields is filled and holds several words, its last word is the last name. #}
{% macro first_name_key(first_name, last_name) -%}
    case
        when {{ last_name }} is null then {{ plain_letters(but_last_word(first_name)) }}
        when {{ first_name }} is null then {{ plain_letters(but_last_word(last_name, only_if_several=true)) }}
        else {{ plain_letters(first_name) }}
    end
{%- endmacro %}

{% macro last_name_key(first_name, last_name) -%}
    case
        when {{ last_name }} is null
            then case when {{ first_name }} like '% %' then {{ plain_letters(last_word(first_name)) }} end
        when {{ first_name }} is null then {{ plain_letters(last_word(last_name)) }}
        else {{ plain_letters(last_name) }}
    end
{%- endmacro %}

{# Whether a name fits another: each part is missing, the same, or its initial. #}
{% macro name_fits(shorter, longer) -%}
    {%- for part in ['first_key', 'last_key'] %}
    (
        {{ shorter }}.{{ part }} is null
        or {{ shorter }}.{{ part }} = {{ longer }}.{{ part }}
        or (length({{ shorter }}.{{ part }}) = 1 and {{ longer }}.{{ part }} like {{ shorter }}.{{ part }} || '%')
    )
    {{- ' and' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The number at the end of a Shopify id: gid://shopify/Order/1 -> 1 #}
{% macro shopify_number(gid) -%}
    nullif(split_part(split_part({{ gid }}, '/', 5), '?', 1), '')
{%- endmacro %}
