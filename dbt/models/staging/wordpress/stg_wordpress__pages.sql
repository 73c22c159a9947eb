with source as (
    {{ newest_records(source('raw', 'wordpress_pages')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'id': 'VARCHAR', 'slug': 'VARCHAR', 'link': 'VARCHAR', 'status': 'VARCHAR', 'date_gmt': 'VARCHAR',
            'modified_gmt': 'VARCHAR', 'title': {'rendered': 'VARCHAR'}
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.id as page_id,
        document.slug as page_slug,
        document.title.rendered as title,
        document.link as url,
        lower(document.status) as status,
        {{ utc_timestamp('document.date_gmt') }} as published_at,
        coalesce({{ utc_timestamp('document.modified_gmt') }}, record_updated_at) as updated_at
    from parsed
)

select * from renamed
