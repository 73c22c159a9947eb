{# Whose identity a change may touch: contacts at the same addresses, and all contacts of the same people, twice over. #}

{# The table of identities as earlier builds left it; not a ref, because it is built after its parents read it. #}
{% macro remembered_identities() %}
    {% if execute %}
        {% set relation = adapter.get_relation(target.database, 'people', 'person_contacts') %}
        {{ return(relation.include(database=false) if relation else none) }}
    {% endif %}
    {{ return(none) }}
{% endmacro %}

{% macro expand_to_neighbours(remembered) %}
, addresses as (
    {%- for table in ['contacts', remembered] %}
    {%- for address in ['mailbox', 'phone', 'external_id'] %}
    select contact_key, '{{ address }}:' || {{ address }} as address from {{ table }} where {{ address }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

, ring_0 as (
    select contact_key from changed
)
{%- for ring in range(1, 3) %}

, neighbours_{{ ring }} as (
    select neighbours.contact_key
    from addresses as neighbours
    where
        neighbours.address in (
            select near.address from addresses as near
            where near.contact_key in (select contact_key from ring_{{ ring - 1 }})
        )
    union
    select contact_key from ring_{{ ring - 1 }}
)

, ring_{{ ring }} as (
    select same_person.contact_key
    from {{ remembered }} as same_person
    where
        same_person.person_id in (
            select near.person_id from {{ remembered }} as near
            where near.contact_key in (select contact_key from neighbours_{{ ring }})
        )
    union
    select contact_key from neighbours_{{ ring }}
)
{%- endfor %}

, concerned as (
    select contact_key from ring_2
)
{% endmacro %}
