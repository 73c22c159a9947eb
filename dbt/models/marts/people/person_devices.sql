with devices as (
    select * from {{ ref('stg_devices__devices') }}
),

merged_people as (
    select
        merged_person_id, surviving_person_id
    from {{ ref('person_merges') }}
),

known_people as (
    select distinct person_id
    from {{ ref('person_contacts') }}
),

people_by_email as (
    select
        email, min(person_id) as person_id
    from {{ ref('person_contacts') }}
    where email is not null
    group by email
    having count(distinct person_id) = 1
),

named as (
    select
        devices.device_id,
        coalesce(merged_people.surviving_person_id, known_people.person_id) as person_id
    from devices
    left join merged_people on devices.named_person_id = merged_people.merged_person_id
    left join known_people on devices.named_person_id = known_people.person_id
),

owned as (
    select
        devices.device_id,
        coalesce(named.person_id, people_by_email.person_id, clients.person_id) as person_id,
        case
            when named.person_id is not null then 'person'
            when people_by_email.person_id is not null then 'email'
            when clients.person_id is not null then 'client_id'
        end as matched_by
    from devices
    left join named on devices.device_id = named.device_id
    left join people_by_email on devices.email = people_by_email.email
    left join {{ ref('int_people__client_ids') }} as clients on devices.client_id = clients.client_id
)

select
    devices.device_id,
    owned.person_id,
    owned.matched_by,
    devices.device_token,
    devices.platform,
    devices.provider,
    devices.locale,
    devices.has_consent,
    devices.unregistered_at is null as is_registered,
    devices.has_consent and devices.unregistered_at is null and owned.person_id is not null as is_reachable,
    devices.registered_at,
    devices.unregistered_at,
    devices.unregistered_because
from devices
inner join owned on devices.device_id = owned.device_id
