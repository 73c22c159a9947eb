{{ config(
    materialized='incremental', unique_key='contact_key', full_refresh=false, tags=['hot'],
    post_hook="{{ forget_lost_contacts() }}"
) }}

with resolved as (
    select
        contacts.contact_key, contacts.contact_number, contacts.created_at, components.component, components.matched_by
    from {{ ref('int_people__contacts_to_resolve') }} as contacts
    inner join {{ ref('int_people__components') }} as components on contacts.contact_key = components.contact_key
),

remembered as (
    {%- if is_incremental() %}
    select contact_key, person_id, created_at from {{ own_rows() }}
    {%- else %}
    select contact_key, cast(null as bigint) as person_id, created_at from resolved where false
    {%- endif %}
),

{{ assign_person_ids() }}

select
    resolved.contact_key,
    contacts.source,
    contacts.source_contact_id,
    persons.person_id,
    contacts.email,
    contacts.phone,
    contacts.full_name,
    contacts.mailbox,
    contacts.external_id,
    contacts.created_at,
    contacts.updated_at,
    resolved.matched_by,
    case when remembered.person_id <> persons.person_id then remembered.person_id end as previous_person_id,
    {{ this_build() }} as _build
from resolved
inner join persons on resolved.component = persons.component
inner join {{ ref('int_people__contacts') }} as contacts on resolved.contact_key = contacts.contact_key
left join remembered on resolved.contact_key = remembered.contact_key
