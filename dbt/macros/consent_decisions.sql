{# Every decision about marketing of the people behind `contacts`: person_contacts, or some of its rows. #}

{% macro consent_decisions(contacts) %}
with contacts as (
    select
        contact_key, person_id, email, phone, _build
    from {{ contacts }}
),

shop_email as (
    select
        contact_key, 'email' as channel,
        email_marketing_state = 'SUBSCRIBED' as is_granted,
        coalesce(email_marketing_updated_at, created_at) as decided_at,
        'shopify' as source, 'customer ' || customer_id || ': e-mail marketing ' || lower(email_marketing_state)
            as evidence,
        _build
    from {{ ref('stg_shopify__customers') }}
    where email_marketing_state in ('SUBSCRIBED', 'UNSUBSCRIBED')
),

shop_sms as (
    select
        contact_key, 'sms' as channel, sms_marketing_state = 'SUBSCRIBED' as is_granted,
        coalesce(sms_marketing_updated_at, created_at) as decided_at, 'shopify' as source,
        'customer ' || customer_id || ': SMS marketing ' || lower(sms_marketing_state) as evidence, _build
    from {{ ref('stg_shopify__customers') }}
    where sms_marketing_state in ('SUBSCRIBED', 'UNSUBSCRIBED')
),

form_email as (
    select
        contact_key, 'email' as channel, has_email_consent as is_granted, submitted_at as decided_at,
        form_source as source,
        'form ' || coalesce(form_name, form_id) || ', submission ' || submission_id
            || coalesce(': ' || consent_text, '') as evidence,
        _build
    from {{ ref('int_engagement__form_submissions') }}
    where has_email_consent
),

form_sms as (
    select
        contact_key, 'sms' as channel, has_sms_consent as is_granted, submitted_at as decided_at,
        form_source as source,
        'form ' || coalesce(form_name, form_id) || ', submission ' || submission_id
            || coalesce(': ' || consent_text, '') as evidence,
        _build
    from {{ ref('int_engagement__form_submissions') }}
    where has_sms_consent
),

import_email as (
    select
        contact_key, 'email' as channel, has_email_consent as is_granted, created_at as decided_at,
        'import' as source, 'imported row ' || record_id as evidence, _build
    from {{ ref('stg_import__people') }}
    where has_email_consent is not null
),

import_sms as (
    select
        contact_key, 'sms' as channel, has_sms_consent as is_granted, created_at as decided_at,
        'import' as source, 'imported row ' || record_id as evidence, _build
    from {{ ref('stg_import__people') }}
    where has_sms_consent is not null
),

given_by_contacts as (
    select * from shop_email
    union all
    select * from shop_sms
    union all
    select * from form_email
    union all
    select * from form_sms
    union all
    select * from import_email
    union all
    select * from import_sms
),

withdrawn_by_email as (
    select distinct
        contacts.person_id, 'email' as channel, false as is_granted, events.occurred_at as decided_at,
        events.provider as source, events.event_type || ' by event ' || events.event_key as evidence,
        greatest(events._build, contacts._build) as _build
    from {{ ref('int_engagement__message_events') }} as events
    inner join contacts on events.email = contacts.email
    where events.event_type in ('unsubscribed', 'complained') and events.channel = 'email'
),

decided_by_person as (
    select
        contacts.person_id, decisions.channel, decisions.is_granted, decisions.decided_at, decisions.source,
        decisions.evidence, max(greatest(decisions._build, contacts._build)) as _build
    from {{ ref('stg_preferences__decisions') }} as decisions
    inner join contacts on decisions.person_id = contacts.person_id
    where decisions.purpose = 'marketing' and decisions.is_granted is not null
    group by
        contacts.person_id, decisions.channel, decisions.is_granted, decisions.decided_at, decisions.source,
        decisions.evidence
),

decided_by_email as (
    select
        contacts.person_id, decisions.channel, decisions.is_granted, decisions.decided_at, decisions.source,
        decisions.evidence, max(greatest(decisions._build, contacts._build)) as _build
    from {{ ref('stg_preferences__decisions') }} as decisions
    inner join contacts on decisions.email = contacts.email
    where
        decisions.purpose = 'marketing' and decisions.is_granted is not null
        and (decisions.person_id is null or decisions.person_id <> contacts.person_id)
    group by
        contacts.person_id, decisions.channel, decisions.is_granted, decisions.decided_at, decisions.source,
        decisions.evidence
),

withdrawn_by_phone as (
    select distinct
        contacts.person_id, replies.channel, false as is_granted, replies.created_at as decided_at,
        'twilio' as source, 'replied STOP in message ' || replies.provider_message_id as evidence,
        greatest(replies._build, contacts._build) as _build
    from {{ ref('stg_twilio__messages') }} as replies
    inner join contacts on replies.phone = contacts.phone
    where
        replies.direction = 'inbound'
        and upper(trim(replies.body)) in ('STOP', 'STOPALL', 'UNSUBSCRIBE', 'END', 'QUIT', 'CANCEL')
)

select
    contacts.person_id,
    given.channel,
    given.is_granted,
    given.decided_at,
    given.source,
    given.evidence,
    greatest(given._build, contacts._build) as _build
from given_by_contacts as given
inner join contacts on given.contact_key = contacts.contact_key
union all
select * from decided_by_person
union all
select * from decided_by_email
union all
select * from withdrawn_by_email
union all
select * from withdrawn_by_phone
{%- endmacro %}

{# People who may have decided something since this table was last written; found by what is new, never by joining
   everything: a build without news costs next to nothing. #}

{% macro people_with_new_decisions() %}
    select moved.person_id from {{ ref('person_contacts') }} as moved where moved._build > {{ last_build() }}
    union
    select contacts.person_id from {{ ref('person_contacts') }} as contacts
    where
        contacts.contact_key in (
            {%- for table in ['stg_shopify__customers', 'int_engagement__form_submissions', 'stg_import__people'] %}
            select given.contact_key from {{ ref(table) }} as given where given._build > {{ last_build() }}
            {{- ' union all' if not loop.last }}
            {%- endfor %}
        )
    union
    select contacts.person_id from {{ ref('person_contacts') }} as contacts
    where
        contacts.email in (
            select events.email from {{ ref('int_engagement__message_events') }} as events
            where events._build > {{ last_build() }} and events.event_type in ('unsubscribed', 'complained')
        )
    union
    {%- for key in ['person_id', 'email'] %}
    select contacts.person_id from {{ ref('person_contacts') }} as contacts
    where
        contacts.{{ key }} in (
            select decisions.{{ key }} from {{ ref('stg_preferences__decisions') }} as decisions
            where decisions._build > {{ last_build() }}
        )
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
    union
    select contacts.person_id from {{ ref('person_contacts') }} as contacts
    where
        contacts.phone in (
            select replies.phone from {{ ref('stg_twilio__messages') }} as replies
            where replies._build > {{ last_build() }}
        )
{%- endmacro %}
