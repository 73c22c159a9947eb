{# The person_id of each component: the one it already has, else a number from its oldest contact.

   - An id that two components claim (people who came apart) stays with the one that holds the contact it was made
     from, else with the one that holds the oldest contact.
   - A component that owns several ids (people who turned out to be one) keeps the one with the oldest contact.
   - A new id that is taken (its contact gave a name to somebody else before) is made again with a suffix. #}

{% macro assign_person_ids() %}
claims as (
    select
        remembered.person_id,
        resolved.component,
        max(case when resolved.contact_number = remembered.person_id then 1 else 0 end) as holds_origin,
        min(resolved.created_at) as first_created_at,
        min(resolved.contact_key) as first_contact_key
    from resolved
    inner join remembered on resolved.contact_key = remembered.contact_key
    group by remembered.person_id, resolved.component
),

owners as (
    select ranked.*
    from (
        select
            claims.*,
            row_number() over (
                partition by person_id order by holds_origin desc, first_created_at, first_contact_key
            ) as claim_rank
        from claims
    ) as ranked
    where ranked.claim_rank = 1
),

survivors as (
    select ranked.*
    from (
        select
            owners.*,
            row_number() over (partition by component order by first_created_at, person_id) as owner_rank
        from owners
    ) as ranked
    where ranked.owner_rank = 1
),

oldest as (
    select ranked.*
    from (
        select
            resolved.*,
            row_number() over (partition by component order by created_at, contact_key) as age_rank
        from resolved
    ) as ranked
    where ranked.age_rank = 1
),

persons as (
    select
        oldest.component,
        case
            when survivors.person_id is not null then survivors.person_id
            when taken.person_id is not null then {{ stable_number("oldest.contact_key || ':again'") }}
            else oldest.contact_number
        end as person_id
    from oldest
    left join survivors on oldest.component = survivors.component
    left join (select distinct person_id from remembered) as taken on oldest.contact_number = taken.person_id
)
{%- endmacro %}
