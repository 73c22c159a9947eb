with source as (
    {{ newest_records(source('raw', 'linkedin_posts')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'commentary': 'VARCHAR', 'createdAt': 'BIGINT',
            'statistics': {
                'impressionCount': 'BIGINT', 'clickCount': 'BIGINT', 'likeCount': 'BIGINT', 'commentCount': 'BIGINT',
                'shareCount': 'BIGINT'
            }
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.id as source_post_id,
        document.commentary as text,
        'https://www.linkedin.com/feed/update/' || document.id as permalink,
        {{ timestamp_of_milliseconds('document.createdAt') }} as posted_at,
        document.statistics.impressionCount as impressions_count,
        document.statistics.clickCount as clicks_count,
        document.statistics.likeCount as likes_count,
        document.statistics.commentCount as comments_count,
        document.statistics.shareCount as shares_count
    from parsed
)

select * from renamed
