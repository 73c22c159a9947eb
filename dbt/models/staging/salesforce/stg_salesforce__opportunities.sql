with source as (
    {{ newest_records(source('raw', 'salesforce_opportunities')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'Id': 'VARCHAR', 'Name': 'VARCHAR', 'Amount': 'VARCHAR', 'StageName': 'VARCHAR', 'CloseDate': 'VARCHAR',
            'IsClosed': 'BOOLEAN', 'IsWon': 'BOOLEAN', 'IsDeleted': 'BOOLEAN', 'AccountId': 'VARCHAR',
            'CreatedDate': 'VARCHAR', 'dmat': {'currency_code': 'VARCHAR'},
            'OpportunityContactRoles': {'records': [{'ContactId': 'VARCHAR', 'IsPrimary': 'BOOLEAN'}]}
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.Id as source_deal_id,
        document.Name as deal_name,
        {{ cents("nullif(document.Amount, '')") }} as amount_cents,
        document.dmat.currency_code as currency_code,
        document.StageName as stage,
        coalesce(document.IsClosed, false) as is_closed,
        coalesce(document.IsWon, false) as is_won,
        'salesforce:' || document.OpportunityContactRoles.records[1].ContactId as contact_key,
        document.AccountId as source_company_id,
        coalesce(document.IsDeleted, false) as is_archived,
        {{ utc_timestamp('document.CreatedDate') }} as created_at,
        {{ utc_timestamp("nullif(document.CloseDate, '')") }} as closed_at,
        record_updated_at as updated_at
    from parsed
)

select * from renamed
