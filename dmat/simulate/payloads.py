"""The one definition of every vendor payload, as SQL over the typed tables.

Belongs here: `payload_sql(resource)`: record_id, created_at, updated_at and payload, exactly as the vendor gives one
record. The same text renders the past (millions of rows) and one new order of the living world.
Stays out: envelopes, paging and errors of the vendors' APIs (`vendors/`), and anything of schema `truth`.

Shapes were read from the vendors' own contracts: Shopify Admin GraphQL 2026-10, WooCommerce wc/v3, HubSpot CRM v3,
Twilio 2010-04-01, Instagram media, LinkedIn posts and adAnalytics, GA4 runReport, WordPress wp/v2, SendGrid events.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from dmat.errors import InvalidInputError
from dmat.simulate import shop_payloads
from dmat.simulate.markets import MARKETS

ORGANIZATION = "urn:li:organization:90210"
LINKEDIN_AD_ACCOUNT = 507_404_993
TWILIO_ACCOUNT = "AC" + "5" * 32


@dataclass(frozen=True)
class Shape:
    """How one resource is rendered: the table that gives one row a record, and the SELECT over `picked`."""

    table: str
    sql: str
    only: str = "true"


def iso(expression: str, milliseconds: bool = False) -> str:
    """SQL that writes a UTC timestamp as the JSON APIs do: 2026-03-01T10:00:00Z."""
    return f"strftime({expression}, '%Y-%m-%dT%H:%M:%S{'.%g' if milliseconds else ''}Z')"


def _present(struct: str) -> str:
    """SQL for a JSON object without the keys whose value is null (vendors leave them out)."""
    return f"json_merge_patch('{{}}'::json, to_json({struct}))"


_HUBSPOT_CONTACTS = f"""
    select contact_id::varchar as record_id, created_at, updated_at, to_json(struct_pack(
        id := contact_id::varchar,
        properties := {
    _present(f'''struct_pack(
            email := email, firstname := first_name, lastname := last_name, phone := phone, jobtitle := job_title,
            company := company_name, country := country_code, hs_timezone := time_zone,
            date_of_birth := birthday::varchar, lifecyclestage := lifecycle_stage, hs_lead_status := lead_status,
            associatedcompanyid := company_id::varchar, hs_analytics_source := source,
            hs_object_id := contact_id::varchar, createdate := {iso("created_at", True)},
            lastmodifieddate := {iso("updated_at", True)})''')
},
        "createdAt" := {iso("created_at", True)}, "updatedAt" := {iso("updated_at", True)}, archived := false
    )) as payload from picked"""

_HUBSPOT_COMPANIES = f"""
    select company_id::varchar as record_id, created_at, updated_at, to_json(struct_pack(
        id := company_id::varchar,
        properties := struct_pack(
            name := name, domain := domain, industry := industry, numberofemployees := employees::varchar,
            country := country_code, hs_object_id := company_id::varchar, createdate := {iso("created_at", True)},
            hs_lastmodifieddate := {iso("updated_at", True)}),
        "createdAt" := {iso("created_at", True)}, "updatedAt" := {iso("updated_at", True)}, archived := false
    )) as payload from picked"""

_HUBSPOT_DEALS = f"""
    select deal_id::varchar as record_id, created_at, updated_at, to_json(struct_pack(
        id := deal_id::varchar,
        properties := {
    _present(f'''struct_pack(
            dealname := name, amount := printf('%.2f', amount_cents / 100.0), deal_currency_code := currency_code,
            dealstage := stage, pipeline := 'default', createdate := {iso("created_at", True)},
            closedate := {iso("closed_at", True)}, hs_is_closed_won := is_won::varchar,
            hs_object_id := deal_id::varchar, hs_lastmodifieddate := {iso("updated_at", True)})''')
},
        "createdAt" := {iso("created_at", True)}, "updatedAt" := {iso("updated_at", True)}, archived := false,
        associations := struct_pack(
            contacts := struct_pack(results := [
                struct_pack(id := contact_id::varchar, "type" := 'deal_to_contact')]),
            companies := struct_pack(results := case when company_id is null then [] else [
                struct_pack(id := company_id::varchar, "type" := 'deal_to_company')] end))
    )) as payload from picked"""


def _rfc2822(expression: str) -> str:
    return f"strftime({expression}, '%a, %d %b %Y %H:%M:%S +0000')"


_TWILIO = f"""
    select sid as record_id, created_at, updated_at, to_json(struct_pack(
        sid := sid, account_sid := '{TWILIO_ACCOUNT}', api_version := '2010-04-01', "to" := to_number,
        "from" := from_number, body := body, status := status, direction := direction,
        date_created := {_rfc2822("created_at")}, date_sent := {_rfc2822("sent_at")},
        date_updated := {_rfc2822("updated_at")}, price := price, price_unit := 'USD', num_segments := '1',
        num_media := '0', messaging_service_sid := null::varchar, error_code := error_code,
        error_message := null::varchar,
        uri := '/2010-04-01/Accounts/{TWILIO_ACCOUNT}/Messages/' || sid || '.json'
    )) as payload from picked"""

_META_POSTS = """
    select post_id::varchar as record_id, posted_at as created_at, updated_at, to_json(struct_pack(
        id := post_id::varchar, caption := body, media_type := media_type,
        permalink := 'https://www.instagram.example/p/' || post_id, "timestamp" := strftime(posted_at,
        '%Y-%m-%dT%H:%M:%S+0000'), insights := struct_pack(impressions := impressions, reach := reach,
        likes := likes, comments := comments, shares := shares, saved := saved)
    )) as payload from picked"""

_META_ADS = """
    select campaign_id || ':' || day as record_id, day::timestamp as created_at, updated_at, to_json(struct_pack(
        campaign_id := campaign_id::varchar, campaign_name := campaign, date_start := day::varchar,
        date_stop := day::varchar, impressions := impressions::varchar, clicks := clicks::varchar,
        spend := printf('%.2f', spend_cents / 100.0), account_currency := currency_code
    )) as payload from picked"""

_LINKEDIN_POSTS = f"""
    select 'urn:li:share:' || post_id as record_id, posted_at as created_at, updated_at, to_json(struct_pack(
        id := 'urn:li:share:' || post_id, author := '{ORGANIZATION}', commentary := body,
        "createdAt" := epoch_ms(posted_at), "publishedAt" := epoch_ms(posted_at),
        "lastModifiedAt" := epoch_ms(updated_at), "lifecycleState" := 'PUBLISHED', visibility := 'PUBLIC',
        statistics := struct_pack("impressionCount" := impressions, "uniqueImpressionsCount" := reach,
            "clickCount" := clicks, "likeCount" := likes, "commentCount" := comments, "shareCount" := shares)
    )) as payload from picked"""

_LINKEDIN_ADS = """
    select 'urn:li:sponsoredCampaign:' || campaign_id || ':' || day as record_id, day::timestamp as created_at,
    updated_at, to_json(struct_pack(
        "pivotValues" := ['urn:li:sponsoredCampaign:' || campaign_id],
        "dateRange" := struct_pack(
            "start" := struct_pack("year" := year(day), "month" := month(day), "day" := day(day)),
            "end" := struct_pack("year" := year(day), "month" := month(day), "day" := day(day))),
        impressions := impressions, clicks := clicks, "costInLocalCurrency" := printf('%.2f', spend_cents / 100.0)
    )) as payload from picked"""

_COUNTRY = "case country_code " + " ".join(f"when '{each.code}' then '{each.country}'" for each in MARKETS) + " end"
_GA4_SESSIONS = f"""
    select client_id || ':' || visit_id as record_id, started_at as created_at, started_at as updated_at,
    to_json(struct_pack(
        "customEvent:session_id" := visit_id::varchar, "customUser:client_id" := client_id,
        "dateHourMinute" := strftime(started_at, '%Y%m%d%H%M'), "sessionSource" := source,
        "sessionMedium" := medium, "sessionCampaignName" := campaign, "deviceCategory" := device,
        browser := browser, country := {_COUNTRY}, "landingPage" := landing_page,
        "screenPageViews" := page_views::varchar, "userEngagementDuration" := engagement_seconds::varchar
    )) as payload from picked"""

_GA4_COSTS = """
    select strftime(day, '%Y%m%d') || ':google:cpc:' || campaign as record_id, day::timestamp as created_at,
    updated_at, to_json(struct_pack(
        "date" := strftime(day, '%Y%m%d'), "sessionSource" := 'google', "sessionMedium" := 'cpc',
        "sessionCampaignName" := campaign, "advertiserAdCost" := printf('%.2f', spend_cents / 100.0),
        "advertiserAdClicks" := clicks::varchar, "advertiserAdImpressions" := impressions::varchar,
        "currencyCode" := currency_code
    )) as payload from picked"""

_WORDPRESS_PAGES = """
    select page_id::varchar as record_id, created_at, updated_at, to_json(struct_pack(
        id := page_id, "date" := strftime(created_at, '%Y-%m-%dT%H:%M:%S'),
        date_gmt := strftime(created_at, '%Y-%m-%dT%H:%M:%S'),
        modified := strftime(updated_at, '%Y-%m-%dT%H:%M:%S'),
        modified_gmt := strftime(updated_at, '%Y-%m-%dT%H:%M:%S'), slug := slug, status := 'publish',
        "type" := 'page', link := 'https://www.shop.example/' || slug || '/', title := struct_pack(rendered := title),
        content := struct_pack(rendered := '<p>' || title || '</p>', protected := false),
        excerpt := struct_pack(rendered := '', protected := false), author := 1, featured_media := 0, parent := 0,
        menu_order := 0, comment_status := 'closed', ping_status := 'closed', template := ''
    )) as payload from picked"""

_FORMS = f"""
    select submission_id::varchar as record_id, submitted_at as created_at, modified_at as updated_at,
    to_json(struct_pack(
        id := submission_id, form_id := form_id, form_name := f.form_name, page_id := f.page_id,
        page_slug := p.slug, submitted_at := {iso("submitted_at")}, modified_at := {iso("modified_at")},
        client_id := client_id,
        fields := {
    _present('''struct_pack(email := email, first_name := first_name, last_name := last_name,
            phone := phone, company := company, job_title := job_title)''')
},
        consent := struct_pack(email := email_consent, sms := sms_consent, "text" := f.consent_text),
        utm := {_present("struct_pack(source := utm_source, medium := utm_medium, campaign := utm_campaign)")}
    )) as payload
    from picked join forms as f using (form_id) join pages as p using (page_id)"""

_SENDGRID = f"""
    select 'sendgrid:' || sg_event_id as record_id, make_timestamp("timestamp" * 1000000) as created_at,
    make_timestamp("timestamp" * 1000000) as updated_at,
    {
    _present('''struct_pack(email := email, "timestamp" := "timestamp", event := event, sg_event_id := sg_event_id,
        sg_message_id := sg_message_id, category := category, useragent := useragent, ip := ip, url := url,
        sg_machine_open := sg_machine_open, "type" := "type", reason := reason, status := status)''')
} as payload
    from picked"""

SHAPES: dict[str, Shape] = {
    "shopify_orders": Shape("orders", shop_payloads.SHOPIFY_ORDERS, "outlet = 'shopify'"),
    "shopify_customers": Shape("shop_customers", shop_payloads.SHOPIFY_CUSTOMERS),
    "shopify_products": Shape("products", shop_payloads.SHOPIFY_PRODUCTS),
    "shopify_abandoned_checkouts": Shape("carts", shop_payloads.SHOPIFY_CHECKOUTS),
    "woocommerce_orders": Shape("orders", shop_payloads.WOOCOMMERCE_ORDERS, "outlet = 'woocommerce'"),
    "woocommerce_customers": Shape("outlet_customers", shop_payloads.WOOCOMMERCE_CUSTOMERS),
    "woocommerce_products": Shape("products", shop_payloads.WOOCOMMERCE_PRODUCTS),
    "hubspot_contacts": Shape("crm_contacts", _HUBSPOT_CONTACTS),
    "hubspot_companies": Shape("companies", _HUBSPOT_COMPANIES),
    "hubspot_deals": Shape("deals", _HUBSPOT_DEALS),
    "twilio_messages": Shape("text_messages", _TWILIO),
    "meta_posts": Shape("social_posts", _META_POSTS, "platform = 'instagram'"),
    "meta_ad_insights": Shape("ad_days", _META_ADS, "platform = 'meta'"),
    "linkedin_posts": Shape("social_posts", _LINKEDIN_POSTS, "platform = 'linkedin'"),
    "linkedin_ad_analytics": Shape("ad_days", _LINKEDIN_ADS, "platform = 'linkedin'"),
    "ga4_sessions": Shape("visits", _GA4_SESSIONS),
    "ga4_ad_costs": Shape("ad_days", _GA4_COSTS, "platform = 'google'"),
    "wordpress_pages": Shape("pages", _WORDPRESS_PAGES),
    "wordpress_form_submissions": Shape("form_submissions", _FORMS),
    "delivery_events": Shape("email_events", _SENDGRID),
}


def payload_sql(resource: str, where: str = "true") -> str:
    """SELECT of record_id, created_at, updated_at, payload for the rows of the resource's table that match `where`.

    `where` may name the columns of the resource's own table only (see `SHAPES` and `tables.py`), e.g.
    `payload_sql("shopify_orders", "order_id in (17, 18)")`. Table names are not qualified.

    Raises:
        InvalidInputError: no such resource.
    """
    if resource not in SHAPES:
        raise InvalidInputError("resource", f"{resource!r} is not simulated", ", ".join(sorted(SHAPES)))
    shape = SHAPES[resource]
    return f"with picked as (select * from {shape.table} where {shape.only} and ({where})) {shape.sql}"


def render(connection: duckdb.DuckDBPyConnection, resource: str, where: str = "true") -> int:
    """Put the matching records into `records`, in place of their older state; gives how many."""
    connection.execute(f"create or replace temp table rendered as {payload_sql(resource, where)}")
    connection.execute(
        "delete from records where resource = ? and record_id in (select record_id from rendered)", [resource]
    )
    connection.execute("insert into records select ?, * from rendered", [resource])
    row = connection.execute("select count(*) from rendered").fetchone()
    return int(row[0]) if row else 0
