"""The way of single people through one campaign: each message with what happened to it, from the ledger.

Belongs here: finding a person in a campaign and telling their messages in order; rows for a file. Stays out: the
figures (`dmat/campaigns/monitor.py`), layout (`monitor.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from apps.screens.segments.members import Person, find_people, find_person
from dmat.errors import DmatError
from dmat.ledger.log import steps_of
from dmat.store import Store
from dmat.store.engine import rows_of
from dmat.store.tables import ledger_entries, message_marks
from dmat.warehouse import Workspace

MARKS = {
    "opened_human": "opened", "opened_machine": "opened by a machine", "clicked_human": "clicked",
    "clicked_machine": "clicked by a machine", "read": "read", "replied": "replied", "shown": "shown",
    "converted": "bought", "unsubscribed": "unsubscribed", "bounced": "bounced", "complained": "complained",
    "delivered": "delivered",
}  # fmt: skip
COLUMNS = ("person_id", "address", "step", "variant", "channel", "state", "reason", "is_holdout", "planned_at",
           "handed_over_at", "accepted_at", "delivered_at", "provider", "message_id")  # fmt: skip
FOUND = 8
SENT_STATES = ("handed_over", "ambiguous", "accepted", "delivered", "rejected")


@dataclass(frozen=True)
class Moment:
    """One thing that happened to a message."""

    at: datetime
    what: str
    reason: str = ""


@dataclass(frozen=True)
class Told:
    """One message of a person and its moments."""

    message_id: str
    step: str
    channel: str
    variant: str
    state: str
    reason: str
    moments: tuple[Moment, ...]

    @property
    def was_sent(self) -> bool:
        """Whether there is something to look at."""
        return self.state in SENT_STATES


@dataclass(frozen=True)
class Journey:
    """A person in a campaign."""

    person: Person
    messages: tuple[Told, ...]


def find_in(store: Store, workspace: Workspace, programme: str, words: str) -> tuple[Person, ...]:
    """People with these words who are in a campaign."""
    found = find_people(workspace, words, 60)
    ids = [int(each.person_id) for each in found]
    query = sa.select(ledger_entries.c.person_id).where(
        ledger_entries.c.programme == programme, ledger_entries.c.person_id.in_(ids)
    )
    with store.read() as connection:
        inside = set(connection.execute(query.distinct()).scalars())
    return tuple(each for each in found if int(each.person_id) in inside)[:FOUND]


def read_journey(store: Store, workspace: Workspace, programme: str, person_id: str) -> Journey | None:
    """A person's messages of a campaign; None when there is no such person or nothing of them."""
    try:
        person = find_person(workspace, person_id)
    except DmatError:
        return None
    if person is None:
        return None
    table = ledger_entries.c
    query = sa.select(ledger_entries).where(table.programme == programme, table.person_id == int(person_id))
    with store.read() as connection:
        entries = list(rows_of(connection, query.order_by(table.planned_at, table.message_id)))
        ids = [row["message_id"] for row in entries]
        happened = _moments(connection, ids)
    return Journey(person, tuple(_told(row, happened.get(row["message_id"], [])) for row in entries))


def _moments(connection: sa.Connection, ids: list[str]) -> dict[str, list[Moment]]:
    found: dict[str, list[Moment]] = {}
    for message_id, steps in steps_of(connection, ids).items():
        found[message_id] = [Moment(step["happened_at"], step["to_state"], step["reason"]) for step in steps]
    marks = message_marks.c
    marked = sa.select(marks.message_id, marks.kind, marks.first_at).where(marks.message_id.in_(ids))
    for message_id, kind, at in connection.execute(marked):
        if kind in MARKS and kind != "delivered":
            found.setdefault(message_id, []).append(Moment(at, MARKS[kind]))
    return found


def _told(row: Mapping[str, Any], moments: list[Moment]) -> Told:
    begun = [] if any(each.what == "planned" for each in moments) else [Moment(row["planned_at"], "planned")]
    shown = [*begun, *sorted((each for each in moments if each.what != "claimed"), key=lambda each: each.at)]
    return Told(row["message_id"], row["step"], row["channel"], row["variant"], row["state"], row["reason"],
                tuple(shown))  # fmt: skip


def stream_messages(store: Store, programme: str) -> Iterator[dict[str, Any]]:
    """Every message of a campaign, a row each, for a file."""
    query = sa.select(*(ledger_entries.c[name] for name in COLUMNS)).where(ledger_entries.c.programme == programme)
    with store.read() as connection:
        result = connection.execution_options(yield_per=5000).execute(query.order_by("step", "person_id"))
        for row in result:
            yield dict(row._mapping)
