with source as (
    {{ newest_records(source('raw', 'linkedin_ad_analytics')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'pivotValues': ['VARCHAR'],
            'dateRange': {'start': {'year': 'INTEGER', 'month': 'INTEGER', 'day': 'INTEGER'}},
            'impressions': 'BIGINT', 'clicks': 'BIGINT', 'costInLocalCurrency': 'VARCHAR',
            'account': {'id': 'BIGINT', 'currency': 'VARCHAR'}
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        make_date(document.dateRange.start.year, document.dateRange.start.month, document.dateRange.start.day)
            as spend_date,
        document.pivotValues[1] as campaign,
        {{ cents('document.costInLocalCurrency') }} as spend_cents,
        document.account.currency as currency_code,
        document.impressions as impressions_count,
        document.clicks as clicks_count
    from parsed
)

select * from renamed
