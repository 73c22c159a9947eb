{# Contacts that have no record of their own: guests, and customers whose record was not captured (yet).

   One row a contact key, over all its orders (not only the new ones), so that its first order stays its start. #}

{% macro contacts_known_by_orders() %}
    select
        orders.contact_key,
        split_part(orders.contact_key, ':', 1) as source,
        split_part(orders.contact_key, ':', 2) as source_contact_id,
        {{ first_by('orders.email', 'orders.recency') }} as email,
        {{ first_by('orders.phone', 'orders.recency') }} as phone,
        {{ first_by('orders.first_name', 'orders.recency') }} as first_name,
        {{ first_by('orders.last_name', 'orders.recency') }} as last_name,
        {{ first_by('orders.country', 'orders.recency') }} as country,
        {{ first_by('orders.city', 'orders.recency') }} as city,
        null as time_zone,
        null as birthday,
        {{ first_by('orders.company_name', 'orders.recency') }} as company_name,
        null as job_title,
        null as source_company_id,
        max(orders.external_id) as external_id,
        min(orders.ordered_at) as created_at,
        max(orders.ordered_at) as updated_at
    from {{ ref('int_people__order_contacts') }} as orders
    {%- if is_incremental() %}
    where
        orders.contact_key in (
            select changed.contact_key
            from {{ ref('int_people__order_contacts') }} as changed
            where changed._build > {{ last_build() }}
        )
    {%- endif %}
    group by orders.contact_key
{%- endmacro %}
