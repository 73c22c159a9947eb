"""Records of one source as they stand in the published warehouse, page by page, and what contacts did.

Belongs here: the queries and their pages. Stays out: the doors (`apps/api/integrations.py`).
Amounts are integer cents with a currency code; moments are UTC without a zone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dmat.errors import InvalidInputError
from dmat.routing.crm import CRMS
from dmat.warehouse import Workspace

MOST = 500
MARK = "|"
Row = dict[str, Any]

_ORDERS = """
    select
        order_id, source_order_id, order_name, person_id, ordered_at, status, gross_cents, discount_cents, other_cents,
        refunded_cents, net_cents, currency_code, discount_code, cart_id
    from commerce.fct_orders
    where source = ? and ordered_at >= coalesce(?, timestamp '1970-01-01')
        and (ordered_at, order_id) > (?, ?)
    order by ordered_at, order_id
    limit ?
"""
_LINES = """
    select order_id, line_number, product_id, sku, title, quantity, unit_price_cents, amount_cents, currency_code
    from commerce.fct_order_lines
    where order_id in (select unnest(?::varchar[]))
    order by order_id, line_number
"""
_PRODUCTS = """
    select
        product_id, source_product_id, sku, title, category, brand, status, price_cents, currency_code, url, image_url
    from commerce.dim_products
    where source = ? and product_id > ?
    order by product_id
    limit ?
"""
_CUSTOMERS = """
    select
        contacts.contact_key, contacts.source_contact_id, contacts.person_id, contacts.email, contacts.phone,
        contacts.full_name, contacts.created_at, contacts.updated_at, people.country_code, people.orders_count,
        people.revenue_cents, people.currency_code, people.last_order_at
    from people.person_contacts as contacts
    left join people.dim_people as people on contacts.person_id = people.person_id
    where contacts.source = ? and contacts.contact_key > ?
    order by contacts.contact_key
    limit ?
"""
_ACTIVITY = """
    with activity as (
        select
            'message:' || event_key as activity_id, person_id, event_type as kind, channel,
            coalesce(campaign, '') as campaign, coalesce(step, '') as detail, occurred_at
        from engagement.fct_message_events
        where not is_machine and event_type not in ('accepted', 'deferred', 'dropped')
        union all
        select
            'form:' || submission_id, person_id, 'form_submitted', 'site', coalesce(campaign, ''),
            coalesce(form_name, ''), submitted_at
        from engagement.fct_form_submissions
        union all
        select
            'visit:' || visit_id, person_id, 'visited', channel, coalesce(campaign, ''), coalesce(landing_page, ''),
            started_at
        from engagement.fct_visits
        union all
        select
            'order:' || order_id, person_id, 'ordered', source, '', coalesce(order_name, ''), ordered_at
        from commerce.fct_orders
        where status <> 'cancelled'
    )
    select
        activity.activity_id, activity.person_id, people.email, activity.kind, activity.channel, activity.campaign,
        activity.detail, activity.occurred_at
    from activity
    inner join people.dim_people as people on activity.person_id = people.person_id
    where activity.occurred_at >= ? and (activity.occurred_at, activity.activity_id) > (?, ?)
        and (? = '' or people.email = ?)
    order by activity.occurred_at, activity.activity_id
    limit ?
"""
_CRM_IDS = """
    select person_id, contact_key
    from people.person_contacts
    where source in (select unnest(?::varchar[])) and person_id in (select unnest(?::bigint[]))
    order by contact_key
"""
_BEFORE_ALL = (datetime(1970, 1, 1), "")


@dataclass(frozen=True)
class Page:
    """Rows, and what asks for those after them; empty when these are the last ones."""

    rows: Sequence[Row]
    next_after: str


def list_orders(view: Workspace, shop: str, since: datetime | None = None, after: str = "", limit: int = 100) -> Page:
    """Orders of one shop with their lines, the oldest first.

    Raises:
        InvalidInputError: `after` is not what a page before gave.
        NotPublishedError: there are no tables yet.
    """
    at, key = _moment_and_key(after)
    found = view.rows(_ORDERS, [shop, since, at, key, limit])
    lines: dict[str, list[Row]] = defaultdict(list)
    for line in view.rows(_LINES, [[row["order_id"] for row in found]]):
        lines[line.pop("order_id")].append(line)
    rows = [{**row, "lines": lines[row["order_id"]]} for row in found]
    return Page(rows, _mark(found, "ordered_at", "order_id", limit))


def list_products(view: Workspace, shop: str, after: str = "", limit: int = 100) -> Page:
    """Products of one shop by their key."""
    found = view.rows(_PRODUCTS, [shop, after, limit])
    return Page(found, found[-1]["product_id"] if len(found) == limit else "")


def list_customers(view: Workspace, shop: str, after: str = "", limit: int = 100) -> Page:
    """Customers as one shop knows them, with the person that each of them is here."""
    found = view.rows(_CUSTOMERS, [shop, after, limit])
    return Page(found, found[-1]["contact_key"] if len(found) == limit else "")


def list_activity(view: Workspace, since: datetime, email: str = "", after: str = "", limit: int = 100) -> Page:
    """What people did, the oldest first, each with the keys under which a CRM knows the person.

    Openings and clicks by machines are left out.

    Args:
        view: the published warehouse.
        since: nothing before it.
        email: of one person; empty: everybody.
        after: `next_after` of the page before.
        limit: rows of a page.

    Raises:
        InvalidInputError: `after` is not what a page before gave.
        NotPublishedError: there are no tables yet.
    """
    at, key = _moment_and_key(after)
    wanted = email.strip().lower()
    found = view.rows(_ACTIVITY, [since, at, key, wanted, wanted, limit])
    known: dict[int, list[str]] = defaultdict(list)
    crms = [crm.vendor for crm in CRMS]
    for row in view.rows(_CRM_IDS, [crms, [row["person_id"] for row in found]]):
        known[row["person_id"]].append(row["contact_key"])
    rows = [{**row, "crm_contacts": known[row["person_id"]]} for row in found]
    return Page(rows, _mark(found, "occurred_at", "activity_id", limit))


def _mark(rows: Sequence[Mapping[str, Any]], at: str, key: str, limit: int) -> str:
    return f"{rows[-1][at].isoformat()}{MARK}{rows[-1][key]}" if len(rows) == limit else ""


def _moment_and_key(after: str) -> tuple[datetime, str]:
    if not after:
        return _BEFORE_ALL
    moment, mark, key = after.partition(MARK)
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        mark = ""
    if not mark or at.tzinfo is not None:
        raise InvalidInputError("after", "is not where a page ended", "`next_after` of the page before")
    return at, key
