{{ config(tags=['hot']) }}

with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'experiment_plans')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'experiment_id': 'BIGINT', 'name': 'VARCHAR', 'hypothesis': 'VARCHAR', 'kind': 'VARCHAR',
            'status': 'VARCHAR', 'version': 'INTEGER', 'owner': 'VARCHAR', 'programme': 'VARCHAR', 'page': 'VARCHAR',
            'primary': 'VARCHAR', 'guardrails': ['VARCHAR'], 'inference': 'VARCHAR', 'allocation': 'VARCHAR',
            'counts_everybody': 'BOOLEAN', 'conversion_days': 'INTEGER', 'currency_code': 'VARCHAR',
            'winner': 'VARCHAR', 'started_at': 'VARCHAR', 'decided_at': 'VARCHAR', 'ended_at': 'VARCHAR',
            'steps': [{'step': 'VARCHAR'}],
            'arms': [{'key': 'VARCHAR', 'name': 'VARCHAR', 'share': 'DOUBLE', 'is_control': 'BOOLEAN'}]
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.experiment_id as experiment_id,
        document.name as experiment_name,
        nullif(document.hypothesis, '') as hypothesis,
        document.kind as kind,
        document.status as status,
        document.version as version,
        nullif(document.owner, '') as owner_email,
        nullif(document.programme, '') as programme,
        nullif(document.page, '') as page,
        document.primary as primary_metric,
        document.guardrails as guardrail_metrics,
        document.inference as inference,
        document.allocation as allocation,
        coalesce(document.counts_everybody, false) as counts_everybody,
        coalesce(document.conversion_days, 7) as conversion_days,
        document.currency_code as currency_code,
        nullif(document.winner, '') as winner_arm,
        {{ utc_timestamp('document.started_at') }} as started_at,
        {{ utc_timestamp('document.decided_at') }} as decided_at,
        {{ utc_timestamp('document.ended_at') }} as ended_at,
        document.steps as steps,
        document.arms as arms,
        record_updated_at as updated_at
    from parsed
)

select * from renamed
