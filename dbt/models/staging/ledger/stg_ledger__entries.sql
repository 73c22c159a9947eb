{{ config(tags=['hot']) }}

with source as (
    {{ newest_records('(' ~ revisions_of(source('raw', 'ledger_entries')) ~ ')', versions=['revision', 'record_updated_at', '_loaded_at']) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'message_id': 'VARCHAR', 'person_id': 'BIGINT', 'programme': 'VARCHAR', 'programme_version': 'INTEGER',
            'step': 'VARCHAR', 'occurrence': 'VARCHAR', 'channel': 'VARCHAR', 'address': 'VARCHAR',
            'state': 'VARCHAR', 'reason': 'VARCHAR', 'is_holdout': 'BOOLEAN', 'context': {'cart_id': 'VARCHAR'},
            'subject': 'VARCHAR', 'provider': 'VARCHAR', 'provider_message_id': 'VARCHAR', 'not_before': 'VARCHAR',
            'planned_at': 'VARCHAR', 'claimed_at': 'VARCHAR', 'handed_over_at': 'VARCHAR', 'accepted_at': 'VARCHAR',
            'delivered_at': 'VARCHAR', 'updated_at': 'VARCHAR', 'variant': 'VARCHAR', 'purpose': 'VARCHAR',
            'priority': 'INTEGER', 'template': 'VARCHAR', 'template_version': 'INTEGER', 'locale': 'VARCHAR',
            'batch_id': 'VARCHAR', 'cost_micros': 'BIGINT', 'cost_currency': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        revision,
        document.message_id as message_id,
        document.person_id as person_id,
        document.programme as programme,
        document.programme_version as programme_version,
        document.step as step,
        document.occurrence as occurrence,
        document.channel as channel,
        document.address as address,
        coalesce(document.variant, '') as variant,
        coalesce(nullif(document.purpose, ''), 'marketing') as purpose,
        coalesce(document.priority, 0) as priority,
        nullif(document.template, '') as template,
        nullif(document.template_version, 0) as template_version,
        nullif(document.locale, '') as locale,
        nullif(document.batch_id, '') as batch_id,
        document.cost_micros as cost_micros,
        nullif(document.cost_currency, '') as cost_currency,
        document.state as state,
        nullif(document.reason, '') as reason,
        coalesce(document.is_holdout, false) as is_holdout,
        document.context.cart_id as cart_id,
        document.subject as subject,
        nullif(document.provider, '') as provider,
        nullif(document.provider_message_id, '') as provider_message_id,
        {{ utc_timestamp('document.not_before') }} as not_before_at,
        {{ utc_timestamp('document.planned_at') }} as planned_at,
        {{ utc_timestamp('document.claimed_at') }} as claimed_at,
        {{ utc_timestamp('document.handed_over_at') }} as handed_over_at,
        {{ utc_timestamp('document.accepted_at') }} as accepted_at,
        {{ utc_timestamp('document.delivered_at') }} as delivered_at,
        coalesce({{ utc_timestamp('document.updated_at') }}, record_updated_at) as updated_at
    from parsed
)

select * from renamed
