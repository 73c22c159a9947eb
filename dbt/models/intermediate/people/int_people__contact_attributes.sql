select
    resolved.person_id,
    contacts.contact_key,
    contacts.source,
    contacts.email,
    contacts.phone,
    contacts.first_name,
    contacts.last_name,
    contacts.full_name,
    contacts.country_code,
    contacts.city,
    contacts.time_zone,
    contacts.birthday,
    contacts.source_company_id,
    contacts.company_name,
    contacts.job_title,
    coalesce(hubspot.lifecycle_stage, salesforce.lifecycle_stage) as lifecycle_stage,
    contacts.created_at,
    contacts.updated_at,
    case contacts.source
        when 'shopify' then 1
        when 'woocommerce' then 2
        when 'hubspot' then 3
        when 'salesforce' then 3
        when 'wordpress_form' then 4
        when 'form' then 4
        when 'import' then 5
        else 6
    end * 100000000000 - {{ seconds_of('contacts.updated_at') }} as preference
from {{ ref('int_people__contacts') }} as contacts
inner join {{ ref('person_contacts') }} as resolved on contacts.contact_key = resolved.contact_key
left join {{ ref('stg_hubspot__contacts') }} as hubspot on contacts.contact_key = hubspot.contact_key
left join {{ ref('stg_salesforce__people') }} as salesforce on contacts.contact_key = salesforce.contact_key
