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
            'id': 'VARCHAR', 'recipient_id': 'VARCHAR', 'biz_opaque_callback_data': 'VARCHAR',
            'link': 'VARCHAR', 'OriginalLink': 'VARCHAR', 'UserAgent': 'VARCHAR', 'user_agent': 'VARCHAR',
            'programme': 'VARCHAR', 'step': 'VARCHAR', 'variant': 'VARCHAR',
            'dmat': {'kind': 'VARCHAR', 'message_id': 'VARCHAR', 'address': 'VARCHAR', 'channel': 'VARCHAR',
                     'is_machine': 'BOOLEAN'}
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
        nullif(
            coalesce(document.dmat.message_id, document.dmat_message_id, document.biz_opaque_callback_data), ''
        ) as message_id,
        coalesce(document.sg_message_id, document.MessageSid, document.SmsSid, document.id) as provider_message_id,
        case
            when document.dmat.channel <> '' then document.dmat.channel
            when provider = 'whatsapp' or document."To" like 'whatsapp:%' or document."From" like 'whatsapp:%'
                then 'whatsapp'
            when provider = 'twilio' then 'sms'
            else 'email'
        end as channel,
        lower(case
            when document.dmat.kind is not null then 'dmat:' || document.dmat.kind
            when provider = 'twilio' and document.Body is not null then 'inbound'
            when provider = 'twilio' then coalesce(document.MessageStatus, document.SmsStatus)
            when provider = 'whatsapp' then coalesce(document.status, 'inbound')
            when document.event = 'bounce' and document.type = 'blocked' then 'blocked'
            else document.event
        end) as source_event,
        {{ normal_email("coalesce(document.email, case when position('@' in document.dmat.address) > 0 then document.dmat.address end)") }} as email,
        case
            when document.dmat.address like '+%' then document.dmat.address
            when provider = 'twilio'
                then replace(
                    case when document.Body is not null then document."From" else document."To" end, 'whatsapp:', ''
                )
            when provider = 'whatsapp' then '+' || coalesce(document.recipient_id, {{ json_text('payload', 'from') }})
        end as phone,
        case
            when document.dmat.kind is not null then record_updated_at
            else coalesce({{ timestamp_of_seconds(safe_cast('document.timestamp', 'bigint')) }}, record_updated_at)
        end as occurred_at,
        coalesce(document.url, document.link, document.OriginalLink) as url,
        coalesce(document.useragent, document.UserAgent, document.user_agent) as user_agent,
        coalesce(document.sg_machine_open, false) as is_machine_by_provider,
        coalesce(document.reason, document.ErrorCode) as reason,
        coalesce(document.dmat.is_machine, false) as was_machine,
        nullif(document.programme, '') as place_programme,
        nullif(document.step, '') as place_step,
        coalesce(document.variant, '') as place_variant
    from parsed
)

select * from renamed
