-- Two people are never merged on a shared address alone when their names differ (a customer id may join them).
select
    resolved.person_id,
    resolved.mailbox
from {{ ref('int_people__contacts') }} as contacts
inner join {{ ref('person_contacts') }} as resolved on contacts.contact_key = resolved.contact_key
where
    length(contacts.first_key) >= 2
    and length(contacts.last_key) >= 2
    and resolved.mailbox is not null
    and resolved.person_id not in (
        select joined.person_id from {{ ref('person_contacts') }} as joined where joined.external_id is not null
    )
group by resolved.person_id, resolved.mailbox
having count(distinct contacts.first_key || contacts.last_key) > 1
