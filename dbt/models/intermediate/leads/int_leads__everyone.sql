with current_leads as (
    select * from {{ ref('dim_leads') }}
),

people as (
    select
        person_id, email, country_code, employees_count, industry, first_order_at
    from {{ ref('dim_people') }}
),

forms as (
    select
        person_id, min(submitted_at) as first_form_at
    from {{ ref('fct_form_submissions') }}
    where person_id is not null
    group by person_id
),

deals as (
    select
        person_id, min(created_at) as first_deal_at
    from {{ ref('fct_deals') }}
    where person_id is not null
    group by person_id
),

-- A form leads to a lead only where it came before the first order. One-sided conditions belong in a CTE of their own:
-- in the outer join they would have every person compared with every form.
forms_of_leads as (
    select
        forms.person_id, forms.first_form_at
    from forms
    inner join people on forms.person_id = people.person_id
    where
        people.email is not null
        and (people.first_order_at is null or forms.first_form_at < people.first_order_at)
),

former as (
    select
        people.person_id,
        people.country_code,
        people.industry,
        {{ company_size('people.employees_count') }} as company_size,
        case when forms_of_leads.first_form_at is not null then 'landing_page' else 'import' end as lead_source,
        least(forms_of_leads.first_form_at, deals.first_deal_at) as created_at
    from people
    left join forms_of_leads on people.person_id = forms_of_leads.person_id
    left join deals on people.person_id = deals.person_id
    where
        (forms_of_leads.person_id is not null or deals.person_id is not null)
        and people.person_id not in (select known.person_id from current_leads as known where known.person_id is not null)
)

select
    coalesce('person:' || person_id, 'lead:' || lead_id) as lead_key,
    lead_id,
    person_id,
    lead_source,
    status,
    status_at,
    assigned_to,
    company_size,
    industry,
    country_code,
    region,
    created_at
from current_leads
union all
select
    'person:' || person_id as lead_key,
    cast(null as bigint) as lead_id,
    person_id,
    lead_source,
    'new' as status,
    created_at as status_at,
    cast(null as varchar) as assigned_to,
    company_size,
    industry,
    country_code,
    cast(null as varchar) as region,
    created_at
from former
