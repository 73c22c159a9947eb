with source as (
    {{ newest_records(source('raw', 'twilio_messages')) }}
),

parsed as (
    select
        *,
        {{ parse_json('payload', {
            'sid': 'VARCHAR', 'to': 'VARCHAR', 'from': 'VARCHAR', 'body': 'VARCHAR', 'status': 'VARCHAR',
            'direction': 'VARCHAR', 'date_created': 'VARCHAR', 'date_sent': 'VARCHAR', 'date_updated': 'VARCHAR',
            'price': 'VARCHAR', 'price_unit': 'VARCHAR', 'error_code': 'VARCHAR'
        }) }} as document
    from source
),

renamed as (
    select
        {{ record_columns() }},
        document.sid as provider_message_id,
        case when document.direction like 'inbound%' then 'inbound' else 'outbound' end as direction,
        case when document."to" like 'whatsapp:%' or document."from" like 'whatsapp:%' then 'whatsapp' else 'sms' end
            as channel,
        replace(
            case when document.direction like 'inbound%' then document."from" else document."to" end, 'whatsapp:', ''
        ) as phone,
        document.body as body,
        lower(document.status) as status,
        document.error_code as error_code,
        -{{ cents('document.price') }} as price_cents,
        upper(document.price_unit) as currency_code,
        {{ timestamp_of_rfc2822('document.date_created') }} as created_at,
        {{ timestamp_of_rfc2822('document.date_sent') }} as sent_at,
        coalesce({{ timestamp_of_rfc2822('document.date_updated') }}, record_updated_at) as updated_at
    from parsed
)

select * from renamed
