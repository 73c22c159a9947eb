with source as (
    {{ newest_records(source('raw', 'meta_posts')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'caption': 'VARCHAR', 'media_type': 'VARCHAR', 'permalink': 'VARCHAR',
            'timestamp': 'VARCHAR',
            'insights': {
                'impressions': 'BIGINT', 'reach': 'BIGINT', 'likes': 'BIGINT', 'comments': 'BIGINT',
                'shares': 'BIGINT', 'saved': 'BIGINT'
            }
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.id as source_post_id,
        document.caption as text,
        lower(document.media_type) as media_type,
        document.permalink as permalink,
        {{ utc_timestamp('document.timestamp') }} as posted_at,
        document.insights.impressions as impressions_count,
        document.insights.likes as likes_count,
        document.insights.comments as comments_count,
        document.insights.shares as shares_count
    from parsed
)

select * from renamed
