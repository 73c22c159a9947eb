select
    'meta:' || source_post_id as post_id,
    'meta' as platform,
    posted_at,
    text,
    permalink,
    coalesce(impressions_count, 0) as impressions,
    cast(null as bigint) as clicks,
    coalesce(likes_count, 0) as likes,
    coalesce(comments_count, 0) as comments,
    coalesce(shares_count, 0) as shares
from {{ ref('stg_meta__posts') }}
union all
select
    'linkedin:' || source_post_id as post_id,
    'linkedin' as platform,
    posted_at,
    text,
    permalink,
    coalesce(impressions_count, 0) as impressions,
    clicks_count as clicks,
    coalesce(likes_count, 0) as likes,
    coalesce(comments_count, 0) as comments,
    coalesce(shares_count, 0) as shares
from {{ ref('stg_linkedin__posts') }}
