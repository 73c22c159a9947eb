"""The list of carts to choose from: who left them, what became of each, and how many of every kind.

Belongs here: the queries of the list. Stays out: the path of one cart (`path.py`) and layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.context import Context
from apps.screens.home.data import missing_tables
from dmat.warehouse import Version

TABLES = (
    "commerce.fct_carts", "people.dim_people", "deliveries.fct_messages", "evaluation.cart_recoveries",
)  # fmt: skip
RECENT, UNTOUCHED = timedelta(days=30), timedelta(hours=1)
SHOWN = 60

STATUSES: dict[str, tuple[str, str, str]] = {
    "recovered": ("Recovered", "success", "check"),
    "sent": ("Mail sent", "primary", "mail"),
    "left": ("Left", "", "cart"),
    "open": ("Open now", "info", "cart"),
    "planned": ("Planned", "info", "clock"),
    "held_out": ("Held out", "", "flask"),
    "suppressed": ("Suppressed", "warning", "shield"),
    "unclear": ("Unclear", "danger", "warning"),
    "not_sent": ("Not sent", "warning", "error"),
    "ordered": ("Ordered without mail", "", "order"),
}
"""What can become of a cart: its words, its tone, its icon; in the order of the filters."""

_CARTS = """
    with recent as (
        select * from commerce.fct_carts where last_touched_at > ?
    ),
    listed as (
        select
            carts.cart_id, carts.person_id, carts.last_touched_at, carts.total_cents, carts.currency_code,
            coalesce(nullif(people.full_name, ''), carts.contact_email, 'Unknown visitor') as name,
            coalesce(carts.contact_email, people.email, '') as email,
            case
                when recoveries.is_recovered and not recoveries.is_holdout then 'recovered'
                when messages.state = 'held_out' or messages.is_holdout then 'held_out'
                when messages.state = 'suppressed' then 'suppressed'
                when messages.state = 'ambiguous' then 'unclear'
                when messages.state in ('handed_over', 'accepted', 'delivered') then 'sent'
                when messages.state in ('rejected', 'expired') then 'not_sent'
                when messages.state in ('planned', 'claimed') then 'planned'
                when carts.status = 'ordered' then 'ordered'
                when carts.last_touched_at > ? then 'open'
                else 'left'
            end as status
        from recent as carts
        left join people.dim_people as people on carts.person_id = people.person_id
        left join (
            select *, row_number() over (partition by cart_id order by planned_at desc) as place
            from deliveries.fct_messages where programme = 'cart_recovery'
        ) as messages on carts.cart_id = messages.cart_id and messages.place = 1
        left join evaluation.cart_recoveries as recoveries on carts.cart_id = recoveries.cart_id
    )
"""


@dataclass(frozen=True)
class Cart:
    """One row of the list."""

    cart_id: str
    name: str
    email: str
    touched_at: datetime
    total_cents: int | None
    currency: str
    status: str


@dataclass(frozen=True)
class Listed:
    """The carts that fit, how many fit in all, and how many there are of each status."""

    carts: tuple[Cart, ...]
    fitting: int
    counts: tuple[tuple[str, int], ...]
    missing: tuple[str, ...] = ()


def list_carts(context: Context, version: Version, status: str = "", search: str = "") -> Listed:
    """Carts of the last thirty days, the last touched first.

    Args:
        context: what all pages share.
        version: the published version that is read; answers are kept for it.
        status: one of `STATUSES`, or empty for all.
        search: words in the name or the address, or empty.
    """
    words = " ".join(search.lower().split())[:80]
    status = status if status in STATUSES else ""
    return context.answers.get(
        ("carts", version.number, status, words), lambda: _list_carts(context, version, status, words)
    )


def _list_carts(context: Context, version: Version, status: str, words: str) -> Listed:
    missing = missing_tables(context, TABLES)
    if missing:
        return Listed((), 0, (), missing)
    since, touched = version.data_as_of - RECENT, version.data_as_of - UNTOUCHED
    pattern = f"%{words.replace('%', '').replace('_', '')}%"
    where = "where (lower(name) like ? or lower(email) like ?)"
    counted = context.workspace.rows(
        f"{_CARTS} select status, count(*) as carts_count from listed {where} group by status",
        [since, touched, pattern, pattern],
    )
    counts = {row["status"]: int(row["carts_count"]) for row in counted}
    rows = context.workspace.rows(
        f"{_CARTS} select * from listed {where} and (? = '' or status = ?)"
        f" order by last_touched_at desc, cart_id limit {SHOWN}",
        [since, touched, pattern, pattern, status, status],
    )
    carts = tuple(
        Cart(row["cart_id"], row["name"], row["email"], row["last_touched_at"], row["total_cents"],
             row["currency_code"] or "", row["status"])
        for row in rows
    )  # fmt: skip
    fitting = counts.get(status, 0) if status else sum(counts.values())
    return Listed(carts, fitting, tuple((name, counts[name]) for name in STATUSES if name in counts))


def best_cart(listed: Listed) -> str:
    """The cart to show first: one that came back, else one with a mail, else the newest."""
    for wanted in ("recovered", "sent"):
        for cart in listed.carts:
            if cart.status == wanted:
                return cart.cart_id
    return listed.carts[0].cart_id if listed.carts else ""
