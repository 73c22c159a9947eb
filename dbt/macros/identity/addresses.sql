{# The person at an address, one only: the earliest contact with a name, else the earliest. As the shared-address rule
   of identity says. `events` is a relation with the columns email and phone. #}

{% macro people_at_addresses(events) %}
{%- for address in ['email', 'phone'] %}
by_{{ address }} as (
    select
        ranked.address,
        ranked.person_id
    from (
        select
            {{ address }} as address,
            person_id,
            row_number() over (
                partition by {{ address }}
                order by case when full_name is null then 1 else 0 end, created_at, contact_key
            ) as address_rank
        from {{ ref('person_contacts') }}
        where
            {{ address }} is not null
            {%- if is_incremental() %}
            and {{ address }} in (select {{ address }} from {{ events }} where {{ address }} is not null)
            {%- endif %}
    ) as ranked
    where ranked.address_rank = 1
)
{{- ',' if not loop.last }}
{% endfor %}
{%- endmacro %}
