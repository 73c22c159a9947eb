{# Names that are missing or short (Ana, A. Silva) take the name of a contact at the same address, if it fits: at a
   customer id before e-mail before phone, the fullest, then the earliest. A contact takes one name only, so it never
   bridges two. `names` has address, first_key, last_key, since, brevity. #}

{% macro adopt_names(result, addresses, names) %}
{{ result }} as (
    select ranked.*
    from (
        select
            short.contact_key,
            names.first_key,
            names.last_key,
            row_number() over (
                partition by short.contact_key
                order by short.preference, names.brevity, names.since, names.first_key, names.last_key
            ) as name_rank
        from {{ addresses }} as short
        inner join {{ names }} as names on short.address = names.address
        where
            (short.first_key is null or short.last_key is null or length(short.first_key) = 1
                or length(short.last_key) = 1)
            and length(coalesce(names.first_key, '') || coalesce(names.last_key, ''))
            > length(coalesce(short.first_key, '') || coalesce(short.last_key, ''))
            and {{ name_fits('short', 'names') }}
    ) as ranked
    where ranked.name_rank = 1
)
{%- endmacro %}
