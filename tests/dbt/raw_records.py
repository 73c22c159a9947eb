"""Raw records of a small make-believe company with every awkward case, and how they get into raw tables.

Belongs here: payloads as the vendors give them. Stays out: what the tables should make of them (the tests say that).

The people, and what is awkward about them:
    Ana Silva    shop customer 1, CRM contact 11 (accents, another way to write the phone), a form with a +label
    Bo Silva     shop customer 2 at Ana's address: another name, so another person
    (no name)    form 902 at Ana's address: goes to Ana, who was there first
    Cy Park      shop customer 3; buys as a guest at the outlet; opens, unsubscribes
    Dee Fox      shop customer 4 whose phone links her to CRM contact 14 later (a merge)
    17850        a customer number of an imported file, with a row in imported people
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import duckdb

from dmat.landing import Record, land

NOW = datetime(2026, 3, 10, 12)
Rows = dict[str, list[Record]]


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A moment of March 2026."""
    return datetime(2026, 3, day, hour, minute)


def iso(moment: datetime) -> str:
    """As vendors write times."""
    return moment.isoformat() + "Z"


def money(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": "EUR"}}


def customer(number: int, email: str | None, first: str | None, last: str | None, **more: Any) -> Record:
    phone, state, decided = more.get("phone"), more.get("state", "SUBSCRIBED"), more.get("decided", at(1))
    payload = {
        "id": f"gid://shopify/Customer/{number}", "createdAt": iso(more.get("created", at(1))),
        "updatedAt": iso(more.get("updated", at(1))), "firstName": first, "lastName": last,
        "defaultEmailAddress": {"emailAddress": email, "marketingState": state, "marketingUpdatedAt": iso(decided)},
        "defaultPhoneNumber": phone and {"phoneNumber": phone, "marketingState": "NOT_SUBSCRIBED"},
        "defaultAddress": {"countryCodeV2": "DE", "city": "Berlin", "zip": "10115"},
    }  # fmt: skip
    return Record(payload["id"], more.get("updated", at(1)), payload)


def lines(*items: tuple[int, int, str]) -> dict[str, Any]:
    return {
        "nodes": [
            {"id": f"gid://shopify/LineItem/{n}", "title": f"Thing {product}", "quantity": quantity,
             "sku": f"T{product}",
             "originalUnitPriceSet": money(price), "product": {"id": f"gid://shopify/Product/{product}"}}
            for n, (product, quantity, price) in enumerate(items)
        ]
    }  # fmt: skip


def order(
    number: int, who: int | None, when: datetime, total: str, *items: tuple[int, int, str], **more: Any
) -> Record:
    payload = {
        "id": f"gid://shopify/Order/{number}", "name": f"#{number}", "createdAt": iso(when),
        "updatedAt": iso(more.get("updated", when)), "cancelledAt": more.get("cancelled"), "email": more.get("email"),
        "currencyCode": "EUR", "checkoutToken": more.get("cart"), "discountCodes": more.get("codes", []),
        "customer": who and {"id": f"gid://shopify/Customer/{who}"},
        "customAttributes": [{"key": "client_id", "value": more["client"]}] if "client" in more else [],
        "totalPriceSet": money(total), "totalDiscountsSet": money(more.get("discount", "0.00")),
        "totalRefundedSet": money(more.get("refunded", "0.00")),
        "displayFinancialStatus": more.get("status", "PAID"), "lineItems": lines(*items), "refunds": [],
        "shippingAddress": {"countryCodeV2": "DE", "city": "Berlin", "zip": "10115"},
    }  # fmt: skip
    return Record(payload["id"], more.get("updated", when), payload)


def checkout(token: str, who: int | None, when: datetime, *items: tuple[int, int, str], **more: Any) -> Record:
    payload = {
        "id": f"gid://shopify/AbandonedCheckout/{token}", "createdAt": iso(when),
        "updatedAt": iso(more.get("updated", when)), "completedAt": more.get("completed"),
        "abandonedCheckoutUrl": f"https://shop.example/70010/checkouts/ac/{token}/recover?key=k",
        "customer": who and {"id": f"gid://shopify/Customer/{who}"},
        "customAttributes": [{"key": "client_id", "value": more["client"]}] if "client" in more else [],
        "totalPriceSet": money("80.00"), "lineItems": lines(*items),
    }  # fmt: skip
    return Record(payload["id"], more.get("updated", when), payload)


def outlet_order(number: int, when: datetime, email: str, first: str, last: str) -> Record:
    payload = {
        "id": number, "number": str(number), "status": "completed", "currency": "EUR", "customer_id": 0,
        "date_created_gmt": when.isoformat(), "date_modified_gmt": when.isoformat(), "total": "25.00",
        "discount_total": "0.00",
        "billing": {"first_name": first, "last_name": last, "email": email, "phone": "", "country": "DE"},
        "line_items": [{"id": 1, "product_id": 5, "sku": "W5", "name": "Old thing", "quantity": 2, "price": 10,
                        "subtotal": "20.00", "total": "20.00"}],
        "refunds": [], "coupon_lines": [], "meta_data": [],
    }  # fmt: skip
    return Record(str(number), when, payload)


def crm_contact(number: int, email: str | None, first: str, last: str, updated: datetime, **more: Any) -> Record:
    properties = {
        "email": email, "firstname": first, "lastname": last, "phone": more.get("phone"), "country": "Germany",
        "hs_timezone": "europe_slash_berlin", "lifecyclestage": "lead", "jobtitle": "Buyer",
        "associatedcompanyid": "77",
    }  # fmt: skip
    payload = {
        "id": str(number), "properties": properties, "createdAt": iso(more.get("created", at(2))),
        "updatedAt": iso(updated), "archived": False,
    }  # fmt: skip
    return Record(str(number), updated, payload)


def form(
    number: int, when: datetime, email: str, first: str | None = None, last: str | None = None, client: str = "70.1"
) -> Record:
    payload = {
        "id": number, "form_id": "1", "form_name": "newsletter", "page_id": "3", "page_slug": "home",
        "submitted_at": iso(when), "modified_at": iso(when), "client_id": client,
        "fields": {"email": email, "first_name": first, "last_name": last},
        "consent": {"email": True, "sms": False, "text": "Yes, write to me"},
        "utm": {"source": "google", "medium": "cpc", "campaign": "spring"},
    }  # fmt: skip
    return Record(str(number), when, payload)


def visit(number: int, client: str, when: datetime, source: str = "google", medium: str = "cpc") -> Record:
    payload = {
        "customEvent:session_id": str(number), "customUser:client_id": client,
        "dateHourMinute": when.strftime("%Y%m%d%H%M"), "sessionSource": source, "sessionMedium": medium,
        "sessionCampaignName": "(not set)", "deviceCategory": "mobile", "browser": "Safari", "country": "Germany",
        "landingPage": "/", "screenPageViews": "3", "userEngagementDuration": "42",
    }  # fmt: skip
    return Record(f"{client}|{number}", when, payload)


def mail_event(number: int, what: str, email: str, when: datetime, **more: Any) -> Record:
    payload = {
        "email": email, "timestamp": int((when - datetime(1970, 1, 1)).total_seconds()), "event": what,
        "sg_event_id": f"e{number}", "sg_message_id": f"s{number}", "useragent": "Mozilla/5.0 (iPhone)", **more,
    }  # fmt: skip
    return Record(f"sendgrid:e{number}", when, payload)


def ledger_entry(message: str, person: int, cart: str, state: str, revision: int, **more: Any) -> Record:
    moment = more.get("updated", at(5, 11))
    payload = {
        "message_id": message, "person_id": person, "programme": "cart_recovery", "programme_version": 1,
        "step": "first_mail", "occurrence": cart, "channel": "email", "state": state, "reason": "",
        "is_holdout": state == "held_out", "context": {"cart_id": cart}, "planned_at": at(5, 10).isoformat(),
        "claimed_at": None, "accepted_at": more.get("accepted"), "updated_at": moment.isoformat(), "revision": revision,
    }  # fmt: skip
    return Record(message, moment, payload)


def linkedin_ad_day(campaign: int, day: int, cost: str, currency: str) -> Record:
    moment = {"year": 2026, "month": 3, "day": day}
    payload = {
        "pivotValues": [f"urn:li:sponsoredCampaign:{campaign}"], "dateRange": {"start": moment, "end": moment},
        "impressions": 900, "clicks": 12, "costInLocalCurrency": cost, "account": {"id": 501, "currency": currency},
    }  # fmt: skip
    return Record(f"urn:li:sponsoredCampaign:{campaign}:2026-03-{day:02d}", at(day), payload)


def import_line(
    order_id: str, number: int, sku: str, quantity: int, price: float, kind: str, who: str | None
) -> Record:
    payload = {
        "order_id": order_id, "line_number": number, "ordered_at": "2026-02-01T08:26:00", "customer_id": who,
        "sku": sku, "title": sku.title(), "quantity": quantity, "unit_price": price, "currency_code": "GBP",
        "country": "EIRE", "kind": kind, "original": {},
    }  # fmt: skip
    return Record(f"{order_id}:{number}", datetime(2026, 2, 1, 8, 26), payload)


def land_all(connection: duckdb.DuckDBPyConnection, rows: Rows, run_id: str, now: datetime) -> tuple[int, int]:
    """Land every table's records; gives (kept, unchanged)."""
    counts = [land(connection, table, records, run_id, now) for table, records in rows.items()]
    return sum(kept for kept, _ in counts), sum(unchanged for _, unchanged in counts)


def first_day() -> Rows:
    """What the first capture finds."""
    return {
        "shopify_customers": [
            customer(1, "ana@x.example", "Ana", "Silva", phone="+49 151 1234567"),
            customer(2, "ana@x.example", "Bo", "Silva", created=at(2)),
            customer(3, "cy@x.example", "Cy", "Park"),
            customer(4, "dee@x.example", "Dee", "Fox", state="NOT_SUBSCRIBED"),
        ],
        "shopify_orders": [
            order(1001, 1, at(3), "90.00", (1, 2, "50.00"), discount="10.00", codes=["welcome"], client="70.1"),
            order(1002, 3, at(3), "30.00", (2, 1, "30.00"), cancelled=iso(at(4)), refunded="30.00"),
            order(1003, 3, at(4), "35.00", (2, 1, "30.00"), refunded="5.00"),
            order(1004, None, at(4), "20.00", (2, 1, "20.00"), email="guest@y.example"),
        ],
        "shopify_abandoned_checkouts": [
            checkout("c1", 1, at(5, 8), (1, 1, "50.00"), (2, 1, "30.00"), updated=at(5, 9)),
            checkout("c2", 3, at(5, 8), (2, 1, "30.00")),
            checkout("c3", None, at(5, 8), (2, 1, "30.00")),
        ],
        "woocommerce_orders": [outlet_order(501, at(4), "CY@x.example", "CY", "park")],
        "hubspot_contacts": [
            crm_contact(11, None, "ÁNA", "Silva", at(2), phone="0151 / 1234567"),
            crm_contact(14, "d.fox@work.example", "Dee", "Fox", at(2)),
        ],
        "wordpress_form_submissions": [
            form(901, at(3, 1), "ana+news@x.example", "Ana", "Silva"),
            form(902, at(3, 2), "ana@x.example"),
        ],
        "ga4_sessions": [visit(1, "70.1", at(3)), visit(2, "99.9", at(3), "(direct)", "(none)")],
        "linkedin_ad_analytics": [linkedin_ad_day(7, 3, "12.34", "SEK")],
        "delivery_events": [
            mail_event(1, "delivered", "cy@x.example", at(3)),
            mail_event(2, "open", "cy@x.example", at(3, 1), sg_machine_open=True),
            mail_event(3, "open", "cy@x.example", at(3, 2)),
            mail_event(4, "unsubscribe", "cy@x.example", at(3, 3)),
        ],
        "import_orders": [
            import_line("536365", 1, "LANTERN", 6, 2.55, "sale", "17850"),
            import_line("536365", 2, "POST", 1, 4.0, "shipping_or_fee", "17850"),
            import_line("C536379", 1, "LANTERN", -2, 2.55, "cancellation", "17850"),
            import_line("A563186", 1, "B", 1, -11062.06, "adjustment", None),
            import_line("536370", 1, "LANTERN", 1, 0.125, "sale", None),
        ],
        "import_people": [
            Record("17850", at(1), {"external_id": "17850", "first_name": "Eve", "last_name": "Hill", "original": {}})
        ],
    }  # fmt: skip


def second_day(ana: int) -> Rows:
    """What a later capture finds: new, changed, late and repeated records; `ana` is her person_id."""
    return {
        "shopify_customers": [customer(3, "cy@x.example", "Cy", "Park")],  # unchanged
        "shopify_orders": [
            order(1001, 1, at(3), "90.00", (1, 2, "50.00"), discount="10.00", codes=["welcome"], client="70.1",
                  refunded="45.00", updated=at(6)),
            order(1003, 3, at(4), "99.00", (2, 1, "99.00"), updated=at(3, 12)),  # an older version that arrives late
            order(1005, 1, at(5, 13), "72.00", (1, 1, "50.00"), (2, 1, "30.00"), discount="8.00", cart="c1",
                  codes=["COMEBACK10"]),
        ],
        "hubspot_contacts": [  # the phone was typed in: Dee of the shop and Dee of the CRM are one
            crm_contact(14, "dee@x.example", "Dee", "Fox", at(6)),
        ],
        "wordpress_form_submissions": [form(903, at(6), "cy@x.example", "Cy", "Park", client="71.3")],
        "ledger_entries": [
            ledger_entry("m1", ana, "c1", "planned", 1),
            ledger_entry("m1", ana, "c1", "accepted", 3, accepted=at(5, 11).isoformat()),
        ],
        "delivery_events": [
            mail_event(3, "open", "cy@x.example", at(3, 2)),  # again
            mail_event(5, "delivered", "ana@x.example", at(5, 11, 1), dmat_message_id="m1"),
            mail_event(6, "click", "ana@x.example", at(5, 12), dmat_message_id="m1", url="https://shop.example/"),
        ],
        "ga4_sessions": [visit(3, "70.1", at(5), "newsletter", "email")],
        "import_orders": [import_line("536365", 1, "LANTERN", 6, 2.55, "sale", "17850")],  # again
    }  # fmt: skip


def only(rows: Rows, tables: Iterable[str]) -> Rows:
    """The records of some tables."""
    return {table: rows[table] for table in tables}
