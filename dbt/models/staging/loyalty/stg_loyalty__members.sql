{{ config(tags=['hot']) }}

with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'loyalty_members')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'person_id': 'BIGINT', 'joined_at': 'VARCHAR', 'tier': 'VARCHAR', 'tier_since': 'VARCHAR',
            'tier_until': 'VARCHAR', 'holdout_share': 'DOUBLE'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.person_id as person_id,
        {{ utc_timestamp('document.joined_at') }} as joined_at,
        document.tier as tier,
        {{ utc_timestamp('document.tier_since') }} as tier_since_at,
        {{ utc_timestamp('document.tier_until') }} as tier_until_at,
        coalesce(document.holdout_share, 0) as holdout_share
    from parsed
)

select * from renamed
