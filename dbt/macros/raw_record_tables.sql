{# The raw tables of records, one a resource of a source. A test compares this list with models/staging/sources.yml. #}

{% macro raw_record_tables() %}
    {{ return([
        'shopify_orders', 'shopify_customers', 'shopify_products', 'shopify_abandoned_checkouts',
        'woocommerce_orders', 'woocommerce_customers', 'woocommerce_products',
        'hubspot_contacts', 'hubspot_companies', 'hubspot_deals',
        'salesforce_leads', 'salesforce_contacts', 'salesforce_opportunities', 'twilio_messages', 'sendgrid_category_days', 'meta_posts',
        'meta_ad_insights', 'linkedin_posts', 'linkedin_ad_analytics', 'ga4_sessions', 'ga4_ad_costs',
        'wordpress_pages', 'wordpress_form_submissions', 'form_submissions', 'delivery_events', 'ledger_entries', 'ledger_counters',
        'campaign_plans', 'experiment_plans', 'experiment_visitors', 'import_people', 'import_orders', 'import_events'
    ]) }}
{% endmacro %}
