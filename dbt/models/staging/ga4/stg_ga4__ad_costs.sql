with source as (
    {{ newest_records(source('raw', 'ga4_ad_costs')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'date': 'VARCHAR', 'sessionSource': 'VARCHAR', 'sessionMedium': 'VARCHAR',
            'sessionCampaignName': 'VARCHAR', 'advertiserAdCost': 'VARCHAR', 'advertiserAdClicks': 'BIGINT',
            'advertiserAdImpressions': 'BIGINT', 'currencyCode': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        cast({{ timestamp_of_minute("replace(document.date, '-', '') || '0000'") }} as date) as spend_date,
        lower(document.sessionSource) as source,
        lower(document.sessionMedium) as medium,
        document.sessionCampaignName as campaign,
        {{ cents('document.advertiserAdCost') }} as spend_cents,
        document.currencyCode as currency_code,
        document.advertiserAdImpressions as impressions_count,
        document.advertiserAdClicks as clicks_count
    from parsed
)

select * from renamed
