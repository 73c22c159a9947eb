{{ config(materialized='incremental', unique_key='person_id', tags=['hot'], post_hook="{{ forget_merged_people() }}") }}

with contacts as (
    select * from {{ ref('int_people__contact_attributes') }}
    {%- if is_incremental() %}
    where person_id in (
        select changed.person_id from {{ ref('person_contacts') }} as changed where changed._build > {{ last_build() }}
        union
        select changed.person_id from {{ ref('fct_orders') }} as changed where changed._build > {{ last_build() }}
        union
        select changed.person_id from {{ ref('person_channel_consent') }} as changed
        where changed._build > {{ last_build() }}
    )
    {%- endif %}
),

attributes as (
    select
        person_id,
        {{ first_by('email', 'preference') }} as email,
        {{ first_by('phone', 'preference') }} as phone,
        {{ first_by('first_name', 'preference') }} as first_name,
        {{ first_by('last_name', 'preference') }} as last_name,
        {{ first_by('full_name', 'preference') }} as full_name,
        {{ first_by('country_code', 'preference') }} as country_code,
        {{ first_by('city', 'preference') }} as city,
        {{ first_by('time_zone', 'preference') }} as time_zone,
        {{ first_by('birthday', 'preference') }} as birthday,
        {{ first_by('source_company_id', 'preference') }} as source_company_id,
        {{ first_by('company_name', 'preference') }} as company_name,
        {{ first_by('job_title', 'preference') }} as job_title,
        {{ first_by('lifecycle_stage', 'preference') }} as lifecycle_stage,
        {{ sorted_list('source') }} as sources,
        min(created_at) as first_seen_at,
        max(greatest(created_at, updated_at)) as last_seen_at
    from contacts
    group by person_id
),

last_orders as (
    select
        person_id,
        {{ first_by('currency_code', '-' ~ seconds_of('ordered_at')) }} as currency_code
    from {{ ref('fct_orders') }}
    where person_id in (select person_id from attributes)
    group by person_id
),

orders as (
    select
        orders.person_id,
        last_orders.currency_code,
        sum(case when {{ counts_as_order('orders.status') }} then 1 else 0 end) as orders_count,
        sum(case when orders.currency_code = last_orders.currency_code then orders.net_cents else 0 end)
            as revenue_cents,
        sum(
            case when {{ counts_as_order('orders.status') }} and orders.currency_code = last_orders.currency_code
                then 1 else 0 end
        ) as orders_in_currency_count,
        min(case when {{ counts_as_order('orders.status') }} then orders.ordered_at end) as first_order_at,
        max(case when {{ counts_as_order('orders.status') }} then orders.ordered_at end) as last_order_at
    from {{ ref('fct_orders') }} as orders
    inner join last_orders on orders.person_id = last_orders.person_id
    group by orders.person_id, last_orders.currency_code
),

consents as (
    select
        person_id,
        max(case when channel = 'email' and is_granted then 1 else 0 end) = 1 as has_email_consent,
        max(case when channel = 'sms' and is_granted then 1 else 0 end) = 1 as has_sms_consent,
        max(case when channel = 'whatsapp' and is_granted then 1 else 0 end) = 1 as has_whatsapp_consent,
        max(case when channel = 'push' and is_granted then 1 else 0 end) = 1 as has_push_consent
    from {{ ref('person_channel_consent') }}
    where person_id in (select person_id from attributes)
    group by person_id
)

select
    attributes.person_id,
    attributes.email,
    split_part(attributes.email, '@', 2) as email_domain,
    attributes.phone,
    attributes.first_name,
    attributes.last_name,
    attributes.full_name,
    attributes.country_code,
    attributes.city,
    coalesce(attributes.time_zone, defaults.time_zone) as time_zone,
    attributes.birthday,
    'hubspot:' || attributes.source_company_id as company_id,
    coalesce(companies.company_name, attributes.company_name) as company_name,
    attributes.job_title,
    companies.industry,
    companies.employees_count,
    attributes.sources,
    attributes.first_seen_at,
    greatest(attributes.last_seen_at, orders.last_order_at) as last_seen_at,
    cast(coalesce(orders.orders_count, 0) as bigint) as orders_count,
    cast(coalesce(orders.revenue_cents, 0) as bigint) as revenue_cents,
    cast(round(orders.revenue_cents * 1.0 / nullif(orders.orders_in_currency_count, 0), 0) as bigint)
        as average_order_cents,
    coalesce(orders.currency_code, defaults.currency_code) as currency_code,
    orders.first_order_at,
    orders.last_order_at,
    coalesce(consents.has_email_consent, false) as has_email_consent,
    coalesce(consents.has_sms_consent, false) as has_sms_consent,
    coalesce(consents.has_whatsapp_consent, false) as has_whatsapp_consent,
    coalesce(consents.has_push_consent, false) as has_push_consent,
    {{ lifecycle('attributes.lifecycle_stage', 'orders.orders_count') }} as lifecycle,
    {{ this_build() }} as _build
from attributes
left join orders on attributes.person_id = orders.person_id
left join consents on attributes.person_id = consents.person_id
left join {{ ref('country_defaults') }} as defaults on attributes.country_code = defaults.country_code
left join {{ ref('stg_hubspot__companies') }} as companies
    on attributes.source_company_id = companies.source_company_id
