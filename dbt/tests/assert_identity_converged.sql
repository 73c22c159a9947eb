-- Contacts that have a match key in common are one person: the rounds of passing on labels were enough.
select
    keys.match_key,
    count(distinct contacts.person_id) as persons_count
from {{ ref('int_people__match_keys') }} as keys
inner join {{ ref('person_contacts') }} as contacts on keys.contact_key = contacts.contact_key
group by keys.match_key
having count(distinct contacts.person_id) > 1
