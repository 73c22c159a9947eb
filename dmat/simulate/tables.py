"""The typed tables of the make-believe company: names, columns and types, in one place.

Belongs here: the tables that `payloads.py` renders as vendors' answers and that the living world adds rows to.
Stays out: how rows come about (`people.py`, `traffic.py`, `commerce.py` ...) and what vendors call them.

Times are UTC without zone, money is integer cents. An order's subtotal and total are after its discount, as in Shopify.

Schema `truth` is what nobody outside could know. In `truth.people`:
- `visits_per_month`, on the average day; `conversion_rate`: chance that a visit by an average channel is bought at once
  (a cart is filled with conversion / completion x strength of the channel, and bought at once with `completion_rate`);
- `return_rate`: chance that an abandoned cart is bought within 72 hours though nobody writes; to it are added
  `recovery_effect` by one mail about the cart, `discount_effect` if it carries a code, `sms_effect` by a text message;
- `best_hour` (local) of opening mail; `open_rate`, `click_rate` (of those opened), `unsubscribe_rate`,
  `complaint_rate` and `reply_rate`, all for one message; whether a machine opens the mail, whether the address bounces.
"""

from __future__ import annotations

import duckdb

PERSON_TABLES: dict[str, str] = {
    "people": """
        person_id bigint, first_name varchar, last_name varchar, email varchar, phone varchar, birthday date,
        country_code varchar, city varchar, zip varchar, time_zone varchar, locale varchar,
        company_id bigint, job_title varchar, client_id varchar, second_client_id varchar, joined_at timestamp,
        customer_id bigint, outlet_customer_id bigint, second_email varchar,
        email_consent varchar, email_consent_at timestamp, sms_consent varchar, sms_consent_at timestamp""",
    "shop_customers": """
        customer_id bigint, person_id bigint, created_at timestamp, updated_at timestamp,
        first_name varchar, last_name varchar, locale varchar, email varchar,
        email_state varchar, email_state_at timestamp, phone varchar, sms_state varchar, sms_state_at timestamp,
        country_code varchar, city varchar, zip varchar, tags varchar[]""",
    "outlet_customers": """
        customer_id bigint, person_id bigint, created_at timestamp, updated_at timestamp,
        first_name varchar, last_name varchar, email varchar, phone varchar, username varchar,
        country_code varchar, city varchar, zip varchar""",
    "crm_contacts": """
        contact_id bigint, person_id bigint, created_at timestamp, updated_at timestamp,
        first_name varchar, last_name varchar, email varchar, phone varchar, job_title varchar,
        company_id bigint, company_name varchar, country_code varchar, time_zone varchar, birthday date,
        lifecycle_stage varchar, lead_status varchar, source varchar""",
    "deals": """
        deal_id bigint, contact_id bigint, company_id bigint, name varchar, amount_cents bigint,
        currency_code varchar, stage varchar, created_at timestamp, updated_at timestamp, closed_at timestamp,
        is_won boolean""",
    "form_submissions": """
        submission_id bigint, person_id bigint, form_id integer, submitted_at timestamp, modified_at timestamp,
        client_id varchar, email varchar, first_name varchar, last_name varchar, phone varchar,
        company varchar, job_title varchar, email_consent boolean, sms_consent boolean,
        utm_source varchar, utm_medium varchar, utm_campaign varchar""",
    "visits": """
        visit_id bigint, person_id bigint, client_id varchar, started_at timestamp,
        source varchar, medium varchar, campaign varchar, device varchar, browser varchar, country_code varchar,
        landing_page varchar, page_views integer, engagement_seconds integer""",
    "carts": """
        cart_id bigint, token varchar, recovery_key varchar, person_id bigint, customer_id bigint,
        client_id varchar, created_at timestamp, updated_at timestamp, completed_at timestamp, order_id bigint,
        currency_code varchar, total_cents bigint""",
    "cart_lines": """
        cart_id bigint, line_number integer, product_id bigint, quantity integer, unit_price_cents bigint""",
    "orders": """
        order_id bigint, outlet varchar, person_id bigint, customer_id bigint, cart_token varchar,
        ordered_at timestamp, updated_at timestamp, cancelled_at timestamp, financial_status varchar,
        currency_code varchar, subtotal_cents bigint, discount_cents bigint, total_cents bigint,
        refunded_cents bigint, discount_code varchar, first_name varchar, last_name varchar,
        email varchar, phone varchar, client_id varchar, locale varchar,
        country_code varchar, city varchar, zip varchar""",
    "order_lines": """
        order_id bigint, line_number integer, product_id bigint, quantity integer, unit_price_cents bigint""",
    "refunds": "refund_id bigint, order_id bigint, created_at timestamp, amount_cents bigint, reason varchar",
    "email_events": """
        sg_event_id varchar, sg_message_id varchar, event varchar, email varchar, "timestamp" bigint,
        category varchar, useragent varchar, ip varchar, url varchar, sg_machine_open boolean,
        "type" varchar, reason varchar, status varchar, person_id bigint, mailing_id integer""",
    "text_messages": """
        sid varchar, person_id bigint, to_number varchar, from_number varchar, body varchar, status varchar,
        direction varchar, created_at timestamp, sent_at timestamp, updated_at timestamp, price varchar,
        error_code integer""",
}

COMPANY_TABLES: dict[str, str] = {
    "companies": """
        company_id bigint, name varchar, domain varchar, industry varchar, employees integer,
        country_code varchar, created_at timestamp, updated_at timestamp""",
    "products": """
        product_id bigint, sku varchar, title varchar, category varchar, vendor varchar, price_cents bigint,
        currency_code varchar, handle varchar, image_url varchar, created_at timestamp, updated_at timestamp""",
    "forms": "form_id integer, form_name varchar, page_id integer, consent_text varchar",
    "pages": "page_id integer, slug varchar, title varchar, created_at timestamp, updated_at timestamp",
    "mailings": "mailing_id integer, name varchar, category varchar, subject varchar, sent_at timestamp",
    "social_posts": """
        post_id bigint, platform varchar, media_type varchar, body varchar, posted_at timestamp,
        updated_at timestamp, impressions bigint, reach bigint, clicks bigint, likes bigint, comments bigint,
        shares bigint, saved bigint""",
    "ad_days": """
        platform varchar, campaign_id bigint, campaign varchar, day date, spend_cents bigint,
        currency_code varchar, impressions bigint, clicks bigint, updated_at timestamp""",
}

TRUTH_TABLES: dict[str, str] = {
    "people": """
        person_id bigint, segment varchar, visits_per_month double, conversion_rate double,
        completion_rate double, price_sensitivity double, return_rate double, recovery_effect double,
        discount_effect double, sms_effect double, best_hour integer, open_rate double, click_rate double,
        unsubscribe_rate double, complaint_rate double, reply_rate double, is_machine_opener boolean,
        is_bouncing boolean""",
    "identities": "contact_key varchar, person_id bigint",
    "shared_addresses": "email varchar, person_id bigint, partner_id bigint",
    "channels": """
        channel varchar, source varchar, medium varchar, visit_share double, conversion_multiplier double""",
}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every typed table in the current database: schema `main` and schema `truth`."""
    connection.execute("create schema if not exists truth")
    for name, columns in (COMPANY_TABLES | PERSON_TABLES).items():
        connection.execute(f"create table if not exists main.{name} ({columns})")
    for name, columns in TRUTH_TABLES.items():
        connection.execute(f"create table if not exists truth.{name} ({columns})")
    connection.execute(
        "create table if not exists main.records (resource varchar, record_id varchar, created_at timestamp,"
        " updated_at timestamp, payload json)"
    )


def empty_person_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Take out the rows of one chunk of people, keeping the company's own tables."""
    for name in PERSON_TABLES:
        connection.execute(f"truncate main.{name}")
    connection.execute("truncate truth.people")
