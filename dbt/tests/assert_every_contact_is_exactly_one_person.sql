-- Every source record of a human is in person_contacts once, and no person is there without a row in dim_people.
select
    contacts.contact_key,
    'contact without person' as problem
from {{ ref('int_people__contacts') }} as contacts
left join {{ ref('person_contacts') }} as resolved on contacts.contact_key = resolved.contact_key
where resolved.contact_key is null
union all
select
    resolved.contact_key,
    'person without row' as problem
from {{ ref('person_contacts') }} as resolved
left join {{ ref('dim_people') }} as people on resolved.person_id = people.person_id
where people.person_id is null
