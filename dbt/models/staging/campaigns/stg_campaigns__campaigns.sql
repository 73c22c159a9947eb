{{ config(tags=['hot']) }}

with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'campaign_plans')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'campaign_id': 'BIGINT', 'name': 'VARCHAR', 'status': 'VARCHAR', 'version': 'INTEGER',
            'objective': 'VARCHAR', 'budget_cents': 'BIGINT', 'currency_code': 'VARCHAR', 'starts_at': 'VARCHAR',
            'ends_at': 'VARCHAR', 'started_at': 'VARCHAR', 'ended_at': 'VARCHAR', 'holdout_share': 'DOUBLE',
            'conversion_days': 'INTEGER', 'purpose': 'VARCHAR', 'owner': 'VARCHAR',
            'steps': [{
                'key': 'VARCHAR', 'name': 'VARCHAR', 'channel': 'VARCHAR', 'template': 'VARCHAR',
                'cost_cents': 'BIGINT', 'cost_micros_each': 'BIGINT', 'due_at': 'VARCHAR'
            }]
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.campaign_id as campaign_id,
        'campaign:' || document.campaign_id as programme,
        document.name as campaign_name,
        document.status as status,
        document.version as version,
        nullif(document.objective, '') as objective,
        coalesce(document.budget_cents, 0) as budget_cents,
        document.currency_code as currency_code,
        {{ utc_timestamp('document.starts_at') }} as starts_at,
        {{ utc_timestamp('document.ends_at') }} as ends_at,
        {{ utc_timestamp('document.started_at') }} as started_at,
        {{ utc_timestamp('document.ended_at') }} as ended_at,
        coalesce(document.holdout_share, 0) as holdout_share,
        coalesce(document.conversion_days, 7) as conversion_days,
        document.purpose as purpose,
        document.owner as owner_email,
        document.steps as steps,
        record_updated_at as updated_at
    from parsed
)

select * from renamed
