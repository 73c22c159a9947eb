{{ config(tags=['hot']) }}

with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'loyalty_held_out')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {'person_id': 'BIGINT', 'held_out_at': 'VARCHAR', 'share': 'DOUBLE'}) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.person_id as person_id,
        {{ utc_timestamp('document.held_out_at') }} as held_out_at,
        document.share as holdout_share
    from parsed
)

select * from renamed
