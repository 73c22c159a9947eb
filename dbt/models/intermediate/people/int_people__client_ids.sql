{{ config(materialized='table') }}

with sightings as (
    select
        client_id, contact_key, ordered_at as seen_at
    from {{ ref('stg_shopify__orders') }}
    where client_id is not null
    union all
    select
        client_id, contact_key, ordered_at as seen_at
    from {{ ref('stg_woocommerce__orders') }}
    where client_id is not null
    union all
    select
        client_id, contact_key, created_at as seen_at
    from {{ ref('stg_shopify__abandoned_checkouts') }}
    where client_id is not null
    union all
    select
        client_id, contact_key, submitted_at as seen_at
    from {{ ref('stg_wordpress__form_submissions') }}
    where client_id is not null
),

ranked as (
    select
        sightings.client_id,
        contacts.person_id,
        row_number() over (
            partition by sightings.client_id order by sightings.seen_at desc, contacts.person_id
        ) as sighting_rank
    from sightings
    inner join {{ ref('person_contacts') }} as contacts on sightings.contact_key = contacts.contact_key
)

select
    client_id,
    person_id
from ranked
where sighting_rank = 1
