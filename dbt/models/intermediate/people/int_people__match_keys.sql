with contacts as (
    select * from {{ ref('int_people__contacts_to_resolve') }}
),

addresses as (
    select
        contact_key, first_key, last_key, created_at, 'customer:' || external_id as address, 0 as preference
    from contacts
    where external_id is not null
    union all
    select
        contact_key, first_key, last_key, created_at, 'email:' || mailbox as address, 1 as preference
    from contacts
    where mailbox is not null
    union all
    select
        contact_key, first_key, last_key, created_at, 'phone:' || phone as address, 2 as preference
    from contacts
    where phone is not null
),

full_names as (
    select
        address, first_key, last_key,
        min(created_at) as since,
        0 as brevity
    from addresses
    where length(first_key) >= 2 and length(last_key) >= 2
    group by address, first_key, last_key
),

{{ adopt_names('adopted', 'addresses', 'full_names') }},

addresses_again as (
    select
        addresses.contact_key,
        case when adopted.contact_key is null then addresses.first_key else adopted.first_key end as first_key,
        case when adopted.contact_key is null then addresses.last_key else adopted.last_key end as last_key,
        addresses.created_at,
        addresses.address,
        addresses.preference
    from addresses
    left join adopted on addresses.contact_key = adopted.contact_key
),

known_names as (
    select
        address, first_key, last_key,
        min(created_at) as since,
        -length(coalesce(first_key, '') || coalesce(last_key, '')) as brevity
    from addresses_again
    where first_key is not null or last_key is not null
    group by address, first_key, last_key
),

{{ adopt_names('adopted_again', 'addresses_again', 'known_names') }},

match_keys as (
    select
        addresses_again.contact_key,
        case
            when addresses_again.preference = 0 then addresses_again.address
            when adopted_again.contact_key is not null
                then addresses_again.address || '|' || coalesce(adopted_again.first_key, '')
                    || coalesce(adopted_again.last_key, '')
            else addresses_again.address || '|' || coalesce(addresses_again.first_key, '')
                || coalesce(addresses_again.last_key, '')
        end as match_key,
        case addresses_again.preference when 0 then 'customer id' when 1 then 'e-mail' else 'phone' end as matched_by
    from addresses_again
    left join adopted_again on addresses_again.contact_key = adopted_again.contact_key
)

select
    contacts.contact_number,
    match_keys.contact_key,
    match_keys.match_key,
    {{ stable_number('match_keys.match_key') }} as match_number,
    match_keys.matched_by
from match_keys
inner join contacts on match_keys.contact_key = contacts.contact_key
