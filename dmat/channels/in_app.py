"""In-app messages: a person's own messages on our site, given when their browser asks, shown once.

Belongs here: who a visitor is, which of their messages is next, handing it over, taking back what nobody saw.
Stays out: placements (`banner.py`), views (`seen.py`), the doors (`apps/api/web.py`).

A message waits in the ledger as `planned`. When the person's browser asks, it passes the gate and is handed over to the
browser; the browser tells when it is on the screen, and that makes it accepted and delivered (`dmat/ledger/events.py`).
Until then the same person is given the same message again. After an hour without word it is planned again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.channels.banner import FIELDS, Placement, is_on_page, is_safe_link
from dmat.channels.contract import Sought
from dmat.channels.seen import was_shown
from dmat.errors import DmatError, InvalidInputError
from dmat.ledger.claim import Gate
from dmat.ledger.control import claim_one
from dmat.ledger.entries import CLAIMED, ENTRY_COLUMNS, EXPIRED, HANDED_OVER, PLANNED, REJECTED, Entry, entries_of
from dmat.ledger.fence import DOOR
from dmat.ledger.post import Move, keep_rendered, move
from dmat.store.engine import Store, chunks, upsert
from dmat.store.tables import ledger_entries, rendered_messages
from dmat.store.web_tables import web_views, web_visitors

CHANNEL, PROVIDER = "in_app", "dmat"
LOOKED_AT = 5  # messages of one person that are looked at for one page
UNSEEN_FOR, LEFT_FOR = timedelta(hours=1), timedelta(minutes=5)
SWEPT = 1_000
RANK = {"identify": 2, "form": 1, "warehouse": 0}
CLIENT_IDS_SQL = """
    select distinct client_id, person_id from engagement.fct_visits
    where client_id is not null and person_id in (select unnest(?::bigint[]))
"""


class Words(Protocol):
    """Gives the words of a message: `title`, `body`, `button_text`, `url`, `image_url`, `image_alt`."""

    def of(self, entry: Entry, placement: Placement) -> Mapping[str, str]:
        """The words for this person.

        Raises:
            DmatError: there are none, and never will be as it is.
        """
        ...


@dataclass(frozen=True)
class OnSite:
    """A message that is given to a browser."""

    message_id: str
    placement: Placement
    content: Mapping[str, str]


def remember_visitors(connection: Connection, pairs: Iterable[tuple[str, int]], known_by: str, now: datetime) -> None:
    """Keep which person a browser belongs to (client id, person), inside the caller's transaction.

    What the person's own sign-in said is not replaced by what the warehouse worked out.
    """
    weaker = [name for name, rank in RANK.items() if rank <= RANK[known_by]]
    rows = [
        {"client_id": client_id[:200], "person_id": person_id, "known_by": known_by, "seen_at": now}
        for client_id, person_id in sorted(dict(pairs).items())
        if client_id and person_id > 0
    ]
    for batch in chunks(rows):
        statement = upsert(connection, web_visitors)
        new = {name: statement.excluded[name] for name in ("person_id", "known_by", "seen_at")}
        is_weaker = web_visitors.c.known_by.in_(weaker)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["client_id"], set_=new, where=is_weaker), batch
        )


def find_person(connection: Connection, client_id: str) -> int:
    """The person that a browser belongs to; 0 when nobody is known."""
    query = sa.select(web_visitors.c.person_id).where(web_visitors.c.client_id == client_id)
    return int(connection.execute(query).scalar() or 0)


def waiting(connection: Connection, person_id: int, now: datetime) -> list[Entry]:
    """A person's messages that are due or were given but not seen yet, in the order in which they are given."""
    table = ledger_entries.c
    query = sa.select(*ENTRY_COLUMNS).where(
        table.person_id == person_id,
        table.channel == CHANNEL,
        sa.or_(
            sa.and_(table.state == PLANNED, table.not_before <= now),
            sa.and_(table.state == HANDED_OVER, table.provider == PROVIDER),
        ),
        sa.or_(table.expires_at.is_(None), table.expires_at > now),
    )
    ordered = query.order_by((table.state == HANDED_OVER).desc(), table.priority.desc(), table.not_before)
    return entries_of(connection, ordered.limit(LOOKED_AT))


def next_message(
    store: Store,
    gate: Gate,
    words: Words,
    entries: Sequence[Entry],
    live: Iterable[Placement],
    path: str,
    now: datetime,
) -> OnSite | None:
    """The message that a person gets on a page, handed over; None when there is none.

    Args:
        store: the store.
        gate: see `dmat/campaigns/gate.py`.
        words: gives the words of a message.
        entries: what `waiting` gave.
        live: what `live_placements` gave.
        path: of the page.
        now: the workspace's time.
    """
    places = {(each.programme, each.step, each.variant): each for each in live if each.channel == CHANNEL}
    for entry in entries:
        placement = places.get((entry.programme, entry.step, entry.variant))
        if placement is None or not is_on_page(placement, path):
            continue
        content = _given_before(store, entry) or _hand_over(store, gate, words, entry, placement, now)
        if content:
            return OnSite(entry.message_id, placement, content)
    return None


def _given_before(store: Store, entry: Entry) -> Mapping[str, str] | None:
    if entry.state != HANDED_OVER:
        return None
    query = sa.select(rendered_messages.c.headers).where(rendered_messages.c.message_id == entry.message_id)
    with store.read() as connection:
        found = connection.execute(query).first()
    return dict(found[0]) if found else None


def _hand_over(
    store: Store, gate: Gate, words: Words, entry: Entry, placement: Placement, now: datetime
) -> Mapping[str, str] | None:
    claimed = claim_one(store, None, gate, entry.message_id, now) if entry.state == PLANNED else None
    if not isinstance(claimed, Entry):
        return None
    try:
        content = safe_content(words.of(claimed, placement))
    except DmatError as error:
        _move(store, [Move(entry.message_id, REJECTED, str(error)[:500], only_claimed_by=DOOR)], now)
        return None
    step = Move(
        entry.message_id, HANDED_OVER, "given to the person's browser",
        {"handed_over_at": now, "provider": PROVIDER, "subject": content.get("title", "")}, only_claimed_by=DOOR,
    )  # fmt: skip
    with store.write() as connection:
        if not move(connection, [step], now):
            return None
        keep_rendered(connection, [_kept(entry, content, now)])
    return content


def safe_content(content: Mapping[str, str]) -> dict[str, str]:
    """The fields that the script knows, as plain text within limits; links that are no addresses go.

    Raises:
        InvalidInputError: nothing is left to show.
    """
    kept = {name: str(content.get(name) or "")[:limit].strip() for name, limit in FIELDS.items()}
    for name in ("url", "image_url"):
        if kept[name] and not is_safe_link(kept[name]):
            raise InvalidInputError(f"content.{name}", "it is no address", "https://... or a path such as /sale")
    if not (kept["title"] or kept["body"]):
        raise InvalidInputError("content.title", "it says nothing", "a title or a body")
    return {name: text for name, text in kept.items() if text}


def _kept(entry: Entry, content: Mapping[str, str], now: datetime) -> dict[str, Any]:
    return {
        "message_id": entry.message_id, "from_address": "", "to_address": entry.address,
        "subject": content.get("title", ""), "html": "", "text": content.get("body", ""), "headers": dict(content),
        "rendered_at": now,
    }  # fmt: skip


def sweep(store: Store, now: datetime) -> int:
    """Plan again what was given and not seen, end what nobody fetched in time; gives how many messages moved."""
    table = ledger_entries.c
    mine = table.channel == CHANNEL
    seen = sa.select(web_views.c.message_id).where(web_views.c.message_id == table.message_id).exists()
    steps: tuple[tuple[sa.ColumnElement[bool], str, str, dict[str, Any]], ...] = (
        (sa.and_(mine, table.state == HANDED_OVER, table.handed_over_at <= now - UNSEEN_FOR, sa.not_(seen)),
         PLANNED, "given to the browser, but not seen", {"claimed_by": "", "not_before": now}),
        (sa.and_(mine, table.state == CLAIMED, table.claimed_by == DOOR, table.claimed_at <= now - LEFT_FOR),
         PLANNED, "taken by a door that stopped", {"claimed_by": "", "not_before": now}),
        (sa.and_(mine, table.state == PLANNED, table.expires_at <= now), EXPIRED, "its time was over: nobody came", {}),
    )  # fmt: skip
    moved = 0
    for condition, state, reason, values in steps:
        with store.write() as connection:
            query = sa.select(table.message_id).where(condition).limit(SWEPT)
            found: list[str] = list(connection.execute(query).scalars())
            moved += len(move(connection, [Move(each, state, reason, values) for each in found], now))
    return moved


def _move(store: Store, moves: Sequence[Move], now: datetime) -> None:
    with store.write() as connection:
        move(connection, moves, now)


class InAppProvider:
    """The browsers of people, as far as the ledger asks: whether a message was seen."""

    name, channel = PROVIDER, CHANNEL

    def __init__(self, store: Store) -> None:
        self._store = store

    def find_message(self, sought: Sought) -> str | None:
        """The view in which it was shown, or None when no browser told of one."""
        with self._store.read() as connection:
            return was_shown(connection, sought.message_id)
