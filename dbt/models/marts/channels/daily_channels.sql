{%- set figures = [
    'spend_cents', 'impressions_count', 'ad_clicks_count', 'posts_count', 'post_clicks_count', 'post_reactions_count',
    'visits_count', 'sent_count', 'delivered_count', 'shown_count', 'opened_count', 'clicked_count', 'read_count',
    'replied_count', 'bounced_count', 'complained_count', 'unsubscribed_count', 'leads_count', 'mqls_count', 'sqls_count',
    'won_count', 'orders_count', 'new_customers_count', 'revenue_cents'
] %}

with main_currency as (
    {{ main_currency() }}
),

spend as (
    select
        spend_date as day, channel, currency_code, sum(spend_cents) as spend_cents,
        sum(impressions_count) as impressions_count, sum(clicks_count) as ad_clicks_count
    from {{ ref('fct_spend') }}
    group by spend_date, channel, currency_code
),

posts as (
    select
        cast(posted_at as date) as day, count(*) as posts_count, sum(impressions) as impressions_count,
        sum(clicks) as post_clicks_count, sum(likes + comments + shares) as post_reactions_count
    from {{ ref('fct_social_posts') }}
    group by 1
),

visits as (
    select
        cast(started_at as date) as day, coalesce(channel, 'unknown') as channel, count(*) as visits_count
    from {{ ref('fct_visits') }}
    group by 1, 2
),

own_mails as (
    {{ own_mails() }}
),

events as (
    select
        cast(occurred_at as date) as day,
        channel,
        event_type,
        case
            when event_type in ('accepted', 'delivered', 'bounced', 'complained') then count(*)
            else count(distinct {{ quick_hash('coalesce(message_id, provider_message_id, event_key)') }})
        end as events_count
    from {{ ref('int_engagement__message_events') }}
    where
        not is_machine and channel is not null
        and (message_id is null or message_id not in (select own_mails.message_id from own_mails))
    group by 1, channel, event_type
),

leads as (
    {%- for stage, moment in {'leads': 'created_at', 'mqls': 'mql_at', 'sqls': 'sql_at', 'won': 'won_at'}.items() %}
    select
        cast({{ moment }} as date) as day, channel, '{{ stage }}' as stage, count(*) as leads_count
    from {{ ref('fct_leads') }}
    where {{ moment }} is not null
    group by 1, channel
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

orders as (
    select
        cast(converted_at as date) as day,
        channel,
        currency_code,
        count(*) as orders_count,
        sum(case when is_new_customer then 1 else 0 end) as new_customers_count,
        sum(last_non_direct_cents) as revenue_cents
    from {{ ref('fct_touches') }}
    where kind = 'order' and last_non_direct_credit = 1
    group by 1, channel, currency_code
),

figures as (
    select
        day, channel, currency_code, 'spend_cents' as figure, spend_cents as amount
    from spend
    union all
    select
        day, channel, null as currency_code, 'impressions_count' as figure, impressions_count as amount
    from spend
    union all
    select
        day, channel, null as currency_code, 'ad_clicks_count' as figure, ad_clicks_count as amount
    from spend
    {%- for figure in ['posts_count', 'impressions_count', 'post_clicks_count', 'post_reactions_count'] %}
    union all
    select
        day, 'organic_social' as channel, null as currency_code, '{{ figure }}' as figure, {{ figure }} as amount
    from posts
    {%- endfor %}
    union all
    select
        day, channel, null as currency_code, 'visits_count' as figure, visits_count as amount
    from visits
    union all
    select
        day, channel, null as currency_code,
        case event_type when 'accepted' then 'sent' else event_type end || '_count' as figure, events_count as amount
    from events
    union all
    select
        day, channel, null as currency_code, stage || '_count' as figure, leads_count as amount
    from leads
    {%- for figure in ['orders_count', 'new_customers_count', 'revenue_cents'] %}
    union all
    select
        day, channel, currency_code, '{{ figure }}' as figure, {{ figure }} as amount
    from orders
    {%- endfor %}
)

select
    figures.day,
    figures.channel,
    coalesce(figures.currency_code, main_currency.currency_code) as currency_code,
    {%- for figure in figures %}
    cast(sum(case when figures.figure = '{{ figure }}' then figures.amount else 0 end) as bigint) as {{ figure }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from figures
cross join main_currency
where figures.day is not null
group by figures.day, figures.channel, coalesce(figures.currency_code, main_currency.currency_code)
