with shared_keys as (
    select match_number
    from {{ ref('int_people__match_keys') }}
    group by match_number
    having count(*) > 1
),

edges as (
    select
        match_keys.contact_number, match_keys.match_number, match_keys.matched_by
    from {{ ref('int_people__match_keys') }} as match_keys
    inner join shared_keys on match_keys.match_number = shared_keys.match_number
),

labels_0 as (
    select distinct
        contact_number,
        contact_number as label
    from edges
),

{{ propagate_labels('edges', 'labels_', 5) }},

reasons as (
    select
        contact_number,
        min(matched_by) as matched_by
    from edges
    group by contact_number
)

select
    contacts.contact_key,
    coalesce(labels_5.label, contacts.contact_number) as component,
    coalesce(reasons.matched_by, 'nothing') as matched_by
from {{ ref('int_people__contacts_to_resolve') }} as contacts
left join labels_5 on contacts.contact_number = labels_5.contact_number
left join reasons on contacts.contact_number = reasons.contact_number
