{# The currency of most orders; XXX when there is no order. #}
{% macro main_currency() %}
    select coalesce({{ first_by('currency_code', '-orders_count') }}, 'XXX') as currency_code
    from (
        select
            currency_code, count(*) as orders_count
        from {{ ref('fct_orders') }}
        group by currency_code
        order by currency_code
    ) as counted
{%- endmacro %}
