with deals as (
    select
        'hubspot:' || source_deal_id as deal_id, deal_name, contact_key, 'hubspot:' || source_company_id as company_id,
        pipeline, stage,
        case when is_won then 'won' when closed_at is not null and stage like '%lost%' then 'lost' else 'open' end
            as outcome,
        amount_cents, currency_code, created_at, closed_at, updated_at
    from {{ ref('stg_hubspot__deals') }}
    where not is_archived
    union all
    select
        'salesforce:' || source_deal_id as deal_id, deal_name, contact_key,
        'salesforce:' || source_company_id as company_id, 'salesforce' as pipeline, stage,
        case when is_won then 'won' when is_closed then 'lost' else 'open' end as outcome,
        amount_cents, currency_code, created_at, closed_at, updated_at
    from {{ ref('stg_salesforce__opportunities') }}
    where not is_archived
),

contacts as (
    select
        contact_key, person_id
    from {{ ref('person_contacts') }}
)

select
    deals.deal_id,
    deals.deal_name,
    contacts.person_id,
    deals.company_id,
    deals.pipeline,
    deals.stage,
    deals.outcome,
    deals.amount_cents,
    deals.currency_code,
    deals.created_at,
    deals.closed_at,
    deals.updated_at
from deals
left join contacts on deals.contact_key = contacts.contact_key
