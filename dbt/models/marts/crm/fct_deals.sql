with deals as (
    select * from {{ ref('stg_hubspot__deals') }}
    where not is_archived
),

contacts as (
    select
        contact_key, person_id
    from {{ ref('person_contacts') }}
)

select
    'hubspot:' || deals.source_deal_id as deal_id,
    deals.deal_name,
    contacts.person_id,
    'hubspot:' || deals.source_company_id as company_id,
    deals.pipeline,
    deals.stage,
    case when deals.is_won then 'won' when deals.closed_at is not null and deals.stage like '%lost%' then 'lost'
        else 'open' end as outcome,
    deals.amount_cents,
    deals.currency_code,
    deals.created_at,
    deals.closed_at,
    deals.updated_at
from deals
left join contacts on deals.contact_key = contacts.contact_key
