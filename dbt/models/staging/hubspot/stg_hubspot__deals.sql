with source as (
    {{ newest_records(source('raw', 'hubspot_deals')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'createdAt': 'VARCHAR', 'updatedAt': 'VARCHAR', 'archived': 'BOOLEAN',
            'properties': {
                'dealname': 'VARCHAR', 'amount': 'VARCHAR', 'deal_currency_code': 'VARCHAR', 'dealstage': 'VARCHAR',
                'pipeline': 'VARCHAR', 'createdate': 'VARCHAR', 'closedate': 'VARCHAR', 'hs_is_closed_won': 'VARCHAR'
            },
            'associations': {
                'contacts': {'results': [{'id': 'VARCHAR', 'type': 'VARCHAR'}]},
                'companies': {'results': [{'id': 'VARCHAR', 'type': 'VARCHAR'}]}
            }
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.id as source_deal_id,
        document.properties.dealname as deal_name,
        {{ cents("nullif(document.properties.amount, '')") }} as amount_cents,
        document.properties.deal_currency_code as currency_code,
        document.properties.pipeline as pipeline,
        document.properties.dealstage as stage,
        lower(document.properties.hs_is_closed_won) = 'true' as is_won,
        'hubspot:' || document.associations.contacts.results[1].id as contact_key,
        document.associations.companies.results[1].id as source_company_id,
        coalesce(document.archived, false) as is_archived,
        coalesce(
            {{ utc_timestamp('document.properties.createdate') }}, {{ utc_timestamp('document.createdAt') }}
        ) as created_at,
        {{ utc_timestamp("nullif(document.properties.closedate, '')") }} as closed_at,
        coalesce({{ utc_timestamp('document.updatedAt') }}, record_updated_at) as updated_at
    from parsed
)

select * from renamed
