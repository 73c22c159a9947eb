"""Planning one step for many entries, each with an occurrence of its own: as journeys do, a cart or an event each.

Belongs here: these rows, written set-wise. Stays out: planning one step for people (`bulk.py`), messages one at a time
(`post.py`), what the rows say (`dmat/journeys/sending.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from dmat.ledger.entries import PLANNED, SUPPRESSED
from dmat.ledger.message_ids import MessageIds
from dmat.ledger.post import NewEntry
from dmat.ledger.sets import insert_planned
from dmat.store.engine import chunks
from dmat.store.workspace_values import workspace_id

AT_ONCE = 10_000
COMMON = ("programme", "programme_version", "step", "channel", "template", "template_version", "purpose", "priority")
OWN = (
    "message_id", "person_id", "occurrence", "address", "not_before", "expires_at", "context", "is_holdout", "state",
    "reason", "locale", "variant",
)  # fmt: skip


def plan_occurrences(connection: Connection, entries: Sequence[NewEntry], now: datetime) -> int:
    """Insert the entries of one step that are new, inside the caller's transaction; gives how many they were.

    All of them have the same programme, version, step, channel, template, purpose and priority.
    """
    if not entries:
        return 0
    common = {name: getattr(entries[0], name) for name in COMMON}
    ids = MessageIds(
        workspace_id(connection, now), common["programme"], common["programme_version"], common["step"], ""
    )  # fmt: skip
    return sum(
        insert_planned(connection, OWN, sorted(_row(ids, entry, now) for entry in batch), common, now).total()
        for batch in chunks(entries, AT_ONCE)
    )


def _row(ids: MessageIds, entry: NewEntry, now: datetime) -> tuple[Any, ...]:
    """The values of `OWN`."""
    why = entry.suppressed_because
    return (
        ids.of_occurrence(entry.person_id, entry.occurrence), entry.person_id, entry.occurrence, entry.address,
        _moment(entry.not_before or now), entry.expires_at and _moment(entry.expires_at),
        orjson.dumps(entry.context).decode(), entry.is_holdout, SUPPRESSED if why else PLANNED, why, entry.locale,
        entry.variant,
    )  # fmt: skip


def _moment(value: datetime) -> str:
    return value.isoformat(" ", "microseconds")
