"""What people write back: to which message it belongs, until when we may answer freely, and the answer to HELP.

Belongs here: these three. Stays out: what a word means (`dmat/channels/reply_words.py`), taking events in
(`dmat/ledger/receive.py`).
A reply names no message of ours, so it belongs to the last one that reached the address within 72 hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.programmes import ensure_programme
from dmat.consent.suppression import address_hash
from dmat.ledger.entries import SENT
from dmat.ledger.post import NewEntry, plan_entries
from dmat.store.engine import upsert
from dmat.store.inbox import InboundEvent
from dmat.store.ledger_tables import last_replies, ledger_entries
from dmat.store.sets import among

FROM_PEOPLE = frozenset({"replied", "help", "unsubscribed"})
BY_TEXT = frozenset({"sms", "whatsapp"})
BELONGS_WITHIN = timedelta(hours=72)
_CLOCKS_DIFFER = timedelta(minutes=5)
SERVICE, SERVICE_VERSION, HELP_STEP = "service_replies", 1, "help"
HELP_TEMPLATE = "help_reply_{channel}"


def find_messages(connection: Connection, events: Sequence[InboundEvent]) -> list[InboundEvent]:
    """The events, with the message that each reply belongs to."""
    open_ones = [event for event in events if _is_written(event) and not event.message_id]
    if not open_ones:
        return list(events)
    table = ledger_entries.c
    query = sa.select(table.message_id, table.address, table.channel, table.handed_over_at).where(
        among(connection, table.address, {event.address for event in open_ones}),
        table.channel.in_(BY_TEXT),
        table.state.in_(SENT),
        table.handed_over_at.is_not(None),
    )
    sent: dict[tuple[str, str], list[tuple[datetime, str]]] = {}
    for row in connection.execute(query):
        sent.setdefault((row.address, row.channel), []).append((row.handed_over_at, row.message_id))
    return [_with_message(event, sent.get((event.address, event.channel), [])) for event in events]


def _is_written(event: InboundEvent) -> bool:
    return event.kind in FROM_PEOPLE and event.channel in BY_TEXT and bool(event.address)


def _with_message(event: InboundEvent, sent: Iterable[tuple[datetime, str]]) -> InboundEvent:
    if event.message_id or not _is_written(event):
        return event
    since, until = event.occurred_at - BELONGS_WITHIN, event.occurred_at + _CLOCKS_DIFFER
    message_id = max((each for each in sent if since <= each[0] <= until), default=(None, ""))[1]
    return replace(event, message_id=message_id) if message_id else event


def remember_replies(connection: Connection, events: Iterable[InboundEvent]) -> None:
    """Keep when somebody last wrote to us, inside the caller's transaction; the address is kept as its hash."""
    newest: dict[tuple[str, str], datetime] = {}
    for event in events:
        if _is_written(event):
            key = (address_hash(event.address), event.channel)
            newest[key] = max(event.occurred_at, newest.get(key, event.occurred_at))
    rows = [{"address_hash": key[0], "channel": key[1], "replied_at": at} for key, at in sorted(newest.items())]
    if rows:
        statement = upsert(connection, last_replies)
        later = statement.excluded.replied_at
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["address_hash", "channel"],
                set_={"replied_at": later},
                where=later > last_replies.c.replied_at,
            ),
            rows,
        )


def plan_help(connection: Connection, events: Iterable[InboundEvent], now: datetime) -> list[str]:
    """Plan the answer to those who asked for help: a message like any other, through the ledger and its gate.

    One an hour and address at most, so that two machines never talk to each other for ever.
    """
    asked = [event for event in events if event.kind == "help" and _is_written(event)]
    if not asked:
        return []
    ensure_programme(connection, SERVICE, SERVICE_VERSION, now)
    people = _people(connection, {event.message_id for event in asked if event.message_id})
    return plan_entries(connection, [_answer(event, people.get(event.message_id, 0), now) for event in asked], now)


def _people(connection: Connection, message_ids: set[str]) -> dict[str, int]:
    query = sa.select(ledger_entries.c.message_id, ledger_entries.c.person_id)
    rows = connection.execute(query.where(among(connection, ledger_entries.c.message_id, message_ids)))
    return {row.message_id: row.person_id for row in rows}


def _answer(event: InboundEvent, person_id: int, now: datetime) -> NewEntry:
    return NewEntry(
        person_id=person_id,
        programme=SERVICE,
        programme_version=SERVICE_VERSION,
        step=HELP_STEP,
        occurrence=f"{event.channel}:{address_hash(event.address)[:32]}:{now:%Y-%m-%dT%H}",
        channel=event.channel,
        address=event.address,
        context={},
        expires_at=now + timedelta(hours=1),
        purpose="transactional",
        template=HELP_TEMPLATE.format(channel=event.channel),
        template_version=1,
    )
