{{ config(materialized='incremental', unique_key='contact_key', tags=['hot']) }}

with shopify as (
    select
        contact_key, 'shopify' as source, customer_id as source_contact_id, email, phone, first_name, last_name,
        country_code as country, city, cast(null as varchar) as time_zone, cast(null as date) as birthday,
        cast(null as varchar) as company_name, cast(null as varchar) as job_title,
        cast(null as varchar) as source_company_id, cast(null as varchar) as external_id, created_at, updated_at
    from {{ ref('stg_shopify__customers') }}
    {{ where_written_since() }}
),

woocommerce as (
    select
        contact_key, 'woocommerce' as source, customer_id as source_contact_id, email, phone, first_name, last_name,
        country_code as country, city, null as time_zone, null as birthday, company_name, null as job_title,
        null as source_company_id, null as external_id, created_at, updated_at
    from {{ ref('stg_woocommerce__customers') }}
    {{ where_written_since() }}
),

hubspot as (
    select
        contact_key, 'hubspot' as source, source_contact_id, email, phone, first_name, last_name, country, city,
        time_zone, birthday, company_name, job_title, source_company_id, null as external_id, created_at, updated_at
    from {{ ref('stg_hubspot__contacts') }}
    {{ where_written_since() }}
),

salesforce as (
    select
        contact_key, 'salesforce' as source, source_contact_id, email, phone, first_name, last_name, country, city,
        null as time_zone, birthday, company_name, job_title, null as source_company_id, null as external_id,
        created_at, updated_at
    from {{ ref('stg_salesforce__people') }}
    {{ where_written_since() }}
),

forms as (
    select
        contact_key, form_source as source, submission_id as source_contact_id, email, phone, first_name,
        last_name, country, null as city, null as time_zone, null as birthday, company_name, job_title,
        null as source_company_id, null as external_id, submitted_at as created_at, updated_at
    from {{ ref('int_engagement__form_submissions') }}
    {{ where_written_since() }}
),

imported_people as (
    select
        contact_key, 'import' as source, record_id as source_contact_id, email, phone, first_name, last_name, country,
        city, null as time_zone, birthday, company_name, job_title, null as source_company_id, external_id, created_at,
        updated_at
    from {{ ref('stg_import__people') }}
    {{ where_written_since() }}
),

known_by_orders as (
    {{ contacts_known_by_orders() }}
),

contacts as (
    select * from shopify
    union all
    select * from woocommerce
    union all
    select * from hubspot
    union all
    select * from salesforce
    union all
    select * from forms
    union all
    select * from imported_people
    union all
    select * from known_by_orders
),

countries as (
    select
        contacts.*,
        coalesce(by_code.country_code, by_name.country_code) as country_code
    from contacts
    left join {{ ref('country_defaults') }} as by_code on upper(contacts.country) = by_code.country_code
    left join {{ ref('country_names') }} as by_name on lower(contacts.country) = by_name.country_name
),

normalised as (
    select
        countries.contact_key,
        {{ stable_number('countries.contact_key') }} as contact_number,
        countries.source,
        countries.source_contact_id,
        countries.email,
        {{ mailbox('countries.email') }} as mailbox,
        {{ normal_phone('countries.phone', 'defaults.phone_prefix', 'defaults.keeps_trunk_zero') }} as phone,
        countries.first_name,
        countries.last_name,
        nullif(trim(coalesce(countries.first_name, '') || ' ' || coalesce(countries.last_name, '')), '') as full_name,
        {{ first_name_key('countries.first_name', 'countries.last_name') }} as first_key,
        {{ last_name_key('countries.first_name', 'countries.last_name') }} as last_key,
        countries.country_code,
        countries.city,
        {{ iana_time_zone('countries.time_zone') }} as time_zone,
        countries.birthday,
        countries.company_name,
        countries.job_title,
        countries.source_company_id,
        countries.external_id,
        coalesce(countries.created_at, countries.updated_at) as created_at,
        countries.updated_at,
        {{ this_build() }} as _build
    from countries
    left join {{ ref('country_defaults') }} as defaults on countries.country_code = defaults.country_code
)

select * from normalised
