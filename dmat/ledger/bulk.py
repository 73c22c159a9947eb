"""Planning a whole campaign: one row for each person and step, written set-wise.

Belongs here: from people and the facts of a step to rows of the ledger. Stays out: who belongs to an audience
(`dmat/campaigns`), writing (`dmat/ledger/sets.py`).

Rows are made ready before a transaction begins, so that it is short: on SQLite everybody else who writes waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from dmat.ledger.entries import PLANNED, SUPPRESSED
from dmat.ledger.message_ids import MessageIds
from dmat.ledger.sets import insert_planned
from dmat.store.engine import chunks
from dmat.store.workspace_values import workspace_id

ROWS_AT_ONCE = 10_000


class PlannedPerson(NamedTuple):
    """One person of a step: what differs from the others.

    Attributes:
        context: the frozen personal values as JSON text.
        suppressed_because: why the message is never to be sent, e.g. somebody who shares the address gets it.
    """

    person_id: int
    address: str
    not_before: datetime
    context: str = "{}"
    is_holdout: bool = False
    suppressed_because: str = ""
    locale: str = ""


@dataclass(frozen=True)
class StepFacts:
    """What all messages of a step have in common."""

    channel: str
    template: str = ""
    template_version: int = 0
    variant: str = ""
    purpose: str = "marketing"
    priority: int = 0
    expires_at: datetime | None = None


@dataclass(frozen=True)
class PlannedCounts:
    """What planning did: given = planned + held_out + suppressed + known_before."""

    given: int = 0
    planned: int = 0
    held_out: int = 0
    suppressed: int = 0
    known_before: int = 0

    def __add__(self, other: PlannedCounts) -> PlannedCounts:
        return PlannedCounts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


class ReadyPerson(NamedTuple):
    """What a person's row has of its own, as it is written: `not_before` as ISO text."""

    message_id: str
    person_id: int
    address: str
    not_before: str
    context: str
    is_holdout: bool
    state: str
    reason: str
    locale: str


def step_ids(
    connection: Connection, programme: str, version: int, step: str, occurrence: str, now: datetime
) -> MessageIds:
    """What makes the ids of a step's messages, and says in which order its people are best planned; needs a write
    transaction.

    Args:
        connection: a write transaction.
        programme: e.g. `campaign:spring-sale`.
        version: of the plan that is running.
        step: its key.
        occurrence: "" normally; a label for a step that is repeated.
        now: the workspace's time.
    """
    return MessageIds(workspace_id(connection, now), programme, version, step, occurrence)


def make_ready(ids: MessageIds, people: Iterable[PlannedPerson]) -> list[ReadyPerson]:
    """The rows of people, to be written by `plan_ready`; needs no transaction."""
    texts = _Texts()
    return [
        ReadyPerson(
            ids(person_id), person_id, address, texts[not_before], context, is_holdout, SUPPRESSED if why else PLANNED,
            why, locale,
        )
        for person_id, address, not_before, context, is_holdout, why, locale in people
    ]  # fmt: skip


class _Texts(dict[datetime, str]):
    """Moments as they are written; most of those that are planned together are the same."""

    def __missing__(self, moment: datetime) -> str:
        text = self[moment] = moment.isoformat(" ", "microseconds")
        return text


def plan_ready(
    connection: Connection, ids: MessageIds, people: Sequence[ReadyPerson], common: StepFacts, now: datetime
) -> PlannedCounts:
    """Plan a step for many people inside the caller's transaction; who has it planned already is not planned again.

    Many rows are fastest in the order of their message ids (`MessageIds.order`), and in transactions of some thousand,
    so that others may write in between.

    Args:
        connection: a write transaction.
        ids: of the step, see `step_ids`.
        people: their rows, made with these ids.
        common: what their messages have in common.
        now: when they are planned.
    """
    shared: dict[str, Any] = {
        **ids.step,
        "channel": common.channel,
        "template": common.template,
        "template_version": common.template_version,
        "variant": common.variant,
        "purpose": common.purpose,
        "priority": common.priority,
        "expires_at": common.expires_at,
    }
    total = PlannedCounts()
    for batch in chunks(people, ROWS_AT_ONCE):
        found = insert_planned(connection, ReadyPerson._fields, batch, shared, now)
        suppressed = sum(count for (state, _), count in found.items() if state == SUPPRESSED)
        inserted, held_out = sum(found.values()), found[(PLANNED, True)]
        planned = inserted - suppressed - held_out
        total += PlannedCounts(len(batch), planned, held_out, suppressed, len(batch) - inserted)
    return total


def plan_many(
    connection: Connection,
    programme: str,
    version: int,
    step: str,
    occurrence: str,
    rows: Iterable[PlannedPerson],
    common: StepFacts,
    now: datetime,
) -> PlannedCounts:
    """All of it inside the caller's transaction, see `step_ids`, `make_ready` and `plan_ready`."""
    ids = step_ids(connection, programme, version, step, occurrence, now)
    total = PlannedCounts()
    for batch in chunks(rows, ROWS_AT_ONCE):
        total += plan_ready(connection, ids, make_ready(ids, batch), common, now)
    return total
