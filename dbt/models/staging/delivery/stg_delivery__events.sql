{{ config(materialized='view') }}

with source as (
    select * from {{ source('raw', 'delivery_events') }}
),

parsed as (
    select
        *,
        split_part(record_id, ':', 1) as provider,
        {{ parse_json('payload', {
            'email': 'VARCHAR', 'timestamp': 'VARCHAR', 'event': 'VARCHAR', 'sg_message_id': 'VARCHAR',
            'dmat_message_id': 'VARCHAR', 'useragent': 'VARCHAR', 'url': 'VARCHAR', 'sg_machine_open': 'BOOLEAN',
            'type': 'VARCHAR', 'reason': 'VARCHAR', 'status': 'VARCHAR',
            'MessageSid': 'VARCHAR', 'SmsSid': 'VARCHAR', 'MessageStatus': 'VARCHAR', 'SmsStatus': 'VARCHAR',
            'To': 'VARCHAR', 'From': 'VARCHAR', 'Body': 'VARCHAR', 'ErrorCode': 'VARCHAR',
            'id': 'VARCHAR', 'recipient_id': 'VARCHAR', 'biz_opaque_callback_data': 'VARCHAR'
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
        record_id as event_key,
        provider,
        nullif(coalesce(document.dmat_message_id, document.biz_opaque_callback_data), '') as message_id,
        coalesce(document.sg_message_id, document.MessageSid, document.SmsSid, document.id) as provider_message_id,
        case
            when provider = 'whatsapp' or document."To" like 'whatsapp:%' or document."From" like 'whatsapp:%'
                then 'whatsapp'
            when provider = 'twilio' then 'sms'
            else 'email'
        end as channel,
        lower(case
            when provider = 'twilio' and document.Body is not null then 'inbound'
            when provider = 'twilio' then coalesce(document.MessageStatus, document.SmsStatus)
            when provider = 'whatsapp' then coalesce(document.status, 'inbound')
            when document.event = 'bounce' and document.type = 'blocked' then 'blocked'
            else document.event
        end) as source_event,
        {{ normal_email('document.email') }} as email,
        case
            when provider = 'twilio'
                then replace(
                    case when document.Body is not null then document."From" else document."To" end, 'whatsapp:', ''
                )
            when provider = 'whatsapp' then '+' || coalesce(document.recipient_id, {{ json_text('payload', 'from') }})
        end as phone,
        coalesce(
            {{ timestamp_of_seconds(safe_cast('document.timestamp', 'bigint')) }}, record_updated_at
        ) as occurred_at,
        document.url as url,
        document.useragent as user_agent,
        coalesce(document.sg_machine_open, false) as is_machine_by_provider,
        coalesce(document.reason, document.ErrorCode) as reason
    from parsed
)

select * from renamed
