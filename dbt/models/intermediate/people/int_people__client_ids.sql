{{ config(materialized='incremental', unique_key='client_id', tags=['hot']) }}

with sightings as (
    select
        client_id, contact_key, ordered_at as seen_at, _build
    from {{ ref('stg_shopify__orders') }}
    where client_id is not null
    union all
    select
        client_id, contact_key, ordered_at as seen_at, _build
    from {{ ref('stg_woocommerce__orders') }}
    where client_id is not null
    union all
    select
        client_id, contact_key, created_at as seen_at, _build
    from {{ ref('stg_shopify__abandoned_checkouts') }}
    where client_id is not null
    union all
    select
        client_id, contact_key, submitted_at as seen_at, _build
    from {{ ref('int_engagement__form_submissions') }}
    where client_id is not null
),

{%- if is_incremental() %}

changed as (
    select client_id from sightings
    where _build > {{ last_build() }}
    union
    select client_id from sightings
    where
        contact_key in (
            select moved.contact_key from {{ ref('person_contacts') }} as moved
            where moved._build > {{ last_build() }}
        )
),
{%- endif %}

ranked as (
    select
        sightings.client_id,
        contacts.person_id,
        row_number() over (
            partition by sightings.client_id order by sightings.seen_at desc, contacts.person_id
        ) as sighting_rank
    from sightings
    inner join {{ ref('person_contacts') }} as contacts on sightings.contact_key = contacts.contact_key
    {%- if is_incremental() %}
    where sightings.client_id in (select client_id from changed)
    {%- endif %}
)

select
    client_id,
    person_id,
    {{ this_build() }} as _build
from ranked
where sighting_rank = 1
