{{ config(tags=['hot']) }}

with main_currency as (
    select coalesce({{ first_by('currency_code', '-orders_count') }}, 'XXX') as currency_code
    from (
        select
            currency_code, count(*) as orders_count
        from {{ ref('fct_orders') }}
        group by currency_code
        order by currency_code
    ) as counted
),

visits as (
    select
        cast(started_at as date) as day, null as currency_code, 'visits_count' as figure, count(*) as amount
    from {{ ref('fct_visits') }}
    group by 1
),

forms as (
    select
        cast(submitted_at as date) as day, null as currency_code, 'form_submissions_count' as figure,
        count(*) as amount
    from {{ ref('fct_form_submissions') }}
    group by 1
),

carts as (
    select
        cast(created_at as date) as day, currency_code, 'carts_count' as figure, count(*) as amount
    from {{ ref('fct_carts') }}
    group by 1, 2
),

orders as (
    select
        cast(ordered_at as date) as day, currency_code, 'orders_count' as figure,
        sum(case when {{ counts_as_order('status') }} then 1 else 0 end) as amount
    from {{ ref('fct_orders') }}
    group by 1, 2
    union all
    select
        cast(ordered_at as date) as day, currency_code, 'revenue_cents' as figure, sum(net_cents) as amount
    from {{ ref('fct_orders') }}
    group by 1, 2
),

own_mails as (
    {{ own_mails() }}
),

messages as (
    select
        cast(occurred_at as date) as day, null as currency_code,
        case event_type when 'accepted' then 'messages_accepted_count' else 'messages_delivered_count' end as figure,
        count(*) as amount
    from {{ ref('int_engagement__message_events') }}
    where
        event_type in ('accepted', 'delivered')
        and (message_id is null or message_id not in (select own_mails.message_id from own_mails))
    group by 1, 3
),

reactions as (
    select
        first_day as day, null as currency_code,
        case event_type when 'opened' then 'messages_opened_human_count' else 'messages_clicked_count' end as figure,
        count(*) as amount
    from {{ ref('int_engagement__first_reactions') }}
    where message not in (select own_mails.message_id from own_mails)
    group by 1, 3
),

recovered as (
    select
        cast(recovered_at as date) as day, currency_code, 'carts_recovered_count' as figure, count(*) as amount
    from {{ ref('cart_recoveries') }}
    where is_recovered and not is_holdout
    group by 1, 2
    union all
    select
        cast(recovered_at as date) as day, currency_code, 'recovered_cents' as figure, sum(recovered_cents) as amount
    from {{ ref('cart_recoveries') }}
    where is_recovered and not is_holdout
    group by 1, 2
),

figures as (
    select * from visits
    union all
    select * from forms
    union all
    select * from carts
    union all
    select * from orders
    union all
    select * from messages
    union all
    select * from reactions
    union all
    select * from recovered
),

daily as (
    select
        figures.day,
        coalesce(figures.currency_code, main_currency.currency_code) as currency_code,
        figures.figure,
        figures.amount
    from figures
    cross join main_currency
    where figures.day is not null
)

select
    day,
    currency_code,
    {%- for figure in [
        'visits_count', 'form_submissions_count', 'carts_count', 'orders_count', 'revenue_cents',
        'messages_accepted_count', 'messages_delivered_count', 'messages_opened_human_count',
        'messages_clicked_count', 'carts_recovered_count', 'recovered_cents'
    ] %}
    cast(sum(case when figure = '{{ figure }}' then amount else 0 end) as bigint) as {{ figure }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from daily
group by day, currency_code
