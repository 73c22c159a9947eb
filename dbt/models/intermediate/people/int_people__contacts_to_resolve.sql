{{ config(materialized='table', tags=['hot']) }}

with contacts as (
    select
        contact_key, contact_number, first_key, last_key, mailbox, phone, external_id, created_at
    from {{ ref('int_people__contacts') }}
)

{%- set remembered = remembered_identities() %}
{%- if remembered is none or flags.FULL_REFRESH %}

select * from contacts
{%- else %}

, changed as (
    select contact_key
    from {{ ref('int_people__contacts') }}
    where _build > (select coalesce(max(resolved._build), 0) from {{ remembered }} as resolved)
)

{{ expand_to_neighbours(remembered) }}

select contacts.*
from contacts
inner join concerned on contacts.contact_key = concerned.contact_key
{%- endif %}
