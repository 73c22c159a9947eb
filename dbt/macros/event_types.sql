{# What the vendors call an event -> what we call it; others (such as a Twilio 'queued') are no event of ours. #}

{% macro normal_event_type(source_event) -%}
    case {{ source_event }}
        when 'processed' then 'accepted'
        when 'accepted' then 'accepted'
        when 'sent' then 'accepted'
        when 'delivered' then 'delivered'
        when 'open' then 'opened'
        when 'opened' then 'opened'
        when 'read' then 'opened'
        when 'click' then 'clicked'
        when 'clicked' then 'clicked'
        when 'bounce' then 'bounced'
        when 'bounced' then 'bounced'
        when 'undelivered' then 'bounced'
        when 'failed' then 'bounced'
        when 'dropped' then 'dropped'
        when 'deferred' then 'deferred'
        when 'blocked' then 'deferred'
        when 'spamreport' then 'complained'
        when 'complained' then 'complained'
        when 'unsubscribe' then 'unsubscribed'
        when 'group_unsubscribe' then 'unsubscribed'
        when 'unsubscribed' then 'unsubscribed'
        when 'inbound' then 'replied'
        when 'replied' then 'replied'
    end
{%- endmacro %}
