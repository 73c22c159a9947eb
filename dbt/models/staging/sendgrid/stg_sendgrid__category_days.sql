with source as (
    {{ newest_records(source('raw', 'sendgrid_category_days')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'date': 'VARCHAR', 'name': 'VARCHAR',
            'metrics': {
                'requests': 'BIGINT', 'delivered': 'BIGINT', 'bounces': 'BIGINT',
                'bounce_drops': 'BIGINT', 'spam_report_drops': 'BIGINT', 'unsubscribe_drops': 'BIGINT',
                'invalid_emails': 'BIGINT', 'spam_reports': 'BIGINT'
            }
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.name as category,
        cast(document.date as date) as day,
        coalesce(document.metrics.requests, 0) as requests_count,
        coalesce(document.metrics.delivered, 0) as delivered_count,
        coalesce(document.metrics.bounces, 0) as bounced_count,
        coalesce(document.metrics.bounce_drops, 0) + coalesce(document.metrics.spam_report_drops, 0)
        + coalesce(document.metrics.unsubscribe_drops, 0) + coalesce(document.metrics.invalid_emails, 0)
            as dropped_count,
        coalesce(document.metrics.spam_reports, 0) as complained_count
    from parsed
)

select * from renamed
