with companies as (
    select
        companies.*,
        coalesce(by_code.country_code, by_name.country_code) as country_code
    from {{ ref('stg_hubspot__companies') }} as companies
    left join {{ ref('country_defaults') }} as by_code on upper(companies.country) = by_code.country_code
    left join {{ ref('country_names') }} as by_name on lower(companies.country) = by_name.country_name
)

select
    'hubspot:' || source_company_id as company_id,
    company_name,
    domain,
    industry,
    employees_count,
    country_code,
    created_at,
    updated_at
from companies
where not is_archived
