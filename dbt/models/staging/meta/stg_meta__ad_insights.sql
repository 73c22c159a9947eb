with source as (
    {{ newest_records(source('raw', 'meta_ad_insights')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'campaign_id': 'VARCHAR', 'campaign_name': 'VARCHAR', 'date_start': 'VARCHAR', 'impressions': 'BIGINT',
            'clicks': 'BIGINT', 'spend': 'VARCHAR', 'account_currency': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        {{ safe_cast('document.date_start', 'date') }} as spend_date,
        coalesce(document.campaign_name, document.campaign_id) as campaign,
        {{ cents('document.spend') }} as spend_cents,
        document.account_currency as currency_code,
        document.impressions as impressions_count,
        document.clicks as clicks_count
    from parsed
)

select * from renamed
