"""Who a person is: their record, what they are worth, what they agreed to, and where they stand now.

Belongs here: reading the record of one person from the published warehouse and the store. Stays out: what happened to
them, one thing after the other (`timeline.py`), and layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from apps.context import Context
from dmat.consent.preferences import read_proofs
from dmat.consent.suppression import find_suppressed
from dmat.errors import NotFoundError
from dmat.ledger.entries import OPEN, Entry, list_entries
from dmat.people.notes import Note, notes_of
from dmat.people.numbers import numbers_of
from dmat.scoring.live import Score, score_of
from dmat.scoring.words import breakdown, explain, next_step
from dmat.segments.records import segment_names
from dmat.store.engine import rows_of
from dmat.store.journey_tables import journey_members, journeys
from dmat.store.lead_tables import leads
from dmat.warehouse import Workspace

Row = dict[str, Any]
REACHED_BY = {"email": "email", "sms": "phone", "whatsapp": "phone"}
"""Channels whose addresses can be suppressed -> the column of the person that holds the address."""
MOST = 200


@dataclass(frozen=True)
class LeadScore:
    """A lead's score in words: why it is what it is, and what to do next."""

    lead_id: int
    score: Score
    why: str
    parts: tuple[tuple[str, str], ...]
    next_step: str


@dataclass(frozen=True)
class Person360:
    """Everything known of one person, except what happened.

    Attributes:
        ids: the person's number, and those of people who turned out to be the same one.
        record: the row of `people.dim_people`.
        suppressed: channel -> why nothing may be sent there, whatever was agreed to.
        journeys: where the person stands in each journey that has not ended.
        coming: messages that are planned and have not left.
        notes: what colleagues wrote: open tasks first, then the newest.
        segment_names: key -> name of every segment.
    """

    person_id: int
    ids: tuple[int, ...]
    record: Row
    contacts: tuple[Row, ...] = ()
    consents: tuple[Row, ...] = ()
    proofs: tuple[Row, ...] = ()
    suppressed: dict[str, str] = field(default_factory=dict)
    segments: tuple[Row, ...] = ()
    journeys: tuple[Row, ...] = ()
    coming: tuple[Entry, ...] = ()
    lead: LeadScore | None = None
    loyalty: Row | None = None
    value: Row | None = None
    deals: tuple[Row, ...] = ()
    notes: tuple[Note, ...] = ()
    segment_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The person's name, else an address."""
        return str(self.record.get("full_name") or self.record.get("email") or self.record.get("phone") or "No name")


class Asker:
    """Reads rows of tables; a table that the published version lacks gives nothing."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.there = set(workspace.tables())

    def rows(self, table: str, sql: str, values: Sequence[Any]) -> list[Row]:
        """The rows of a query, when its table is there."""
        return self.workspace.rows(sql, values) if table in self.there else []

    def of(self, table: str, person_id: int, order: str) -> tuple[Row, ...]:
        """Rows of one person."""
        sql = f"select * from {table} where person_id = ? order by {order} limit {MOST}"
        return tuple(self.rows(table, sql, [person_id]))

    def one(self, table: str, person_id: int, order: str = "1") -> Row | None:
        """The first row of one person."""
        found = self.of(table, person_id, order)
        return found[0] if found else None


def read_person(context: Context, text: str) -> Person360 | None:
    """The person with this number, or None."""
    if not text.isdigit() or len(text) > 18:
        return None
    ask = Asker(context.workspace)
    try:
        ids = numbers_of(context.workspace, int(text))
    except NotFoundError:
        return None
    person_id, record = ids[0], ask.one("people.dim_people", ids[0])
    if record is None:
        return None
    with context.store.read() as connection:
        names = segment_names(connection)
    return Person360(
        person_id, ids, record,
        contacts=ask.of("people.person_contacts", person_id, "created_at"),
        consents=ask.of("consent.person_channel_consent", person_id, "channel, purpose"),
        proofs=tuple(read_proofs(context.store, person_id, 50)),
        suppressed=_suppressed(context, record),
        segments=_segments(ask, ids, names),
        journeys=_journeys(context, ids),
        coming=_coming(context, ids),
        lead=_lead(context, person_id),
        loyalty=ask.one("loyalty.dim_loyalty_members", person_id),
        value=ask.one("customers.clv", person_id),
        deals=ask.of("crm.fct_deals", person_id, "updated_at desc"),
        notes=tuple(notes_of(context.store, ids)), segment_names=names,
    )  # fmt: skip


def _suppressed(context: Context, record: Row) -> dict[str, str]:
    found: dict[str, str] = {}
    with context.store.read() as connection:
        for channel, column in REACHED_BY.items():
            if address := record.get(column):
                for reason in find_suppressed(connection, [str(address)], channel).values():
                    found[channel] = reason
    return found


def _segments(ask: Asker, ids: Sequence[int], names: Mapping[str, str]) -> tuple[Row, ...]:
    sql = (
        "select segment_key, min(entered_at) as entered_at from segments.segment_memberships"
        f" where person_id in ({_marks(ids)}) and left_at is null group by segment_key order by entered_at desc"
    )
    rows = ask.rows("segments.segment_memberships", sql, ids)
    return tuple({**row, "name": names.get(row["segment_key"], row["segment_key"])} for row in rows)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _journeys(context: Context, ids: Sequence[int]) -> tuple[Row, ...]:
    table = journey_members.c
    query = (
        sa.select(journeys.c.key, journeys.c.name, table.step, table.why, table.due_at, table.entered_at,
                  table.is_holdout, table.reached_goal_at)
        .join(journeys, journeys.c.journey_id == table.journey_id)
        .where(table.person_id.in_(ids), table.ended_at.is_(None), table.status != "refused")
        .order_by(table.entered_at.desc()).limit(MOST)
    )  # fmt: skip
    with context.store.read() as connection:
        return tuple(rows_of(connection, query))


def _coming(context: Context, ids: Sequence[int]) -> tuple[Entry, ...]:
    found = [entry for each in ids for entry in list_entries(context.store, states=OPEN, person_id=each, limit=50)]
    return tuple(sorted(found, key=lambda entry: entry.not_before or entry.planned_at))


def _lead(context: Context, person_id: int) -> LeadScore | None:
    query = sa.select(leads.c.lead_id).where(leads.c.person_id == person_id).order_by(leads.c.lead_id).limit(1)
    with context.store.read() as connection:
        lead_id = connection.scalar(query)
    if lead_id is None:
        return None
    score = score_of(context.store, context.workspace, int(lead_id), context.now())
    parts = tuple((words, f"{left:.1f}") for words, left in breakdown(score.entries)[:8])
    return LeadScore(int(lead_id), score, explain(score), parts, next_step(score))
