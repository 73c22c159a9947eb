{{ config(materialized='view') }}

with source as (
    select * from {{ source('raw', 'ga4_sessions') }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'customEvent:session_id': 'VARCHAR', 'customUser:client_id': 'VARCHAR', 'dateHourMinute': 'VARCHAR',
            'sessionSource': 'VARCHAR', 'sessionMedium': 'VARCHAR', 'sessionCampaignName': 'VARCHAR',
            'deviceCategory': 'VARCHAR', 'browser': 'VARCHAR', 'country': 'VARCHAR', 'landingPage': 'VARCHAR',
            'screenPageViews': 'INTEGER', 'userEngagementDuration': 'DOUBLE'
        }) }} as document
    from source
),

renamed as (
    select
        record_id,
        record_updated_at,
        payload_hash,
        _loaded_at,
        _run_id,
        document."customEvent:session_id" as session_id,
        document."customUser:client_id" as client_id,
        {{ timestamp_of_minute('document.dateHourMinute') }} as started_at,
        lower(coalesce(nullif(document.sessionSource, ''), '(direct)')) as source,
        lower(coalesce(nullif(document.sessionMedium, ''), '(none)')) as medium,
        nullif(nullif(document.sessionCampaignName, ''), '(not set)') as campaign,
        lower(document.deviceCategory) as device,
        document.browser as browser,
        document.country as country,
        document.landingPage as landing_page,
        coalesce(document.screenPageViews, 0) as page_views_count,
        coalesce(document.userEngagementDuration, 0) as engagement_seconds
    from parsed
)

select * from renamed
