"""Which segments a pass has to look at, and how looking at each of them went.

Belongs here: reading cards and rules from the store, writing sizes and errors there for the screens. Stays out: who
is a member (`membership.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.segments.membership import Card
from dmat.segments.records import ACTIVE
from dmat.segments.rules import Rule
from dmat.store import Store
from dmat.store.engine import rows_of, upsert
from dmat.store.tables import segment_evaluations, segment_versions, segments

Fingerprint = tuple[tuple[int, str, str, int, str], ...]


@dataclass(frozen=True)
class Looked:
    """The published version that all segments were looked at with, and since when nothing else was."""

    data_version: int
    at: datetime


@dataclass(frozen=True)
class Plan:
    """The segments as they are set up: cards and rules of the active ones, by key."""

    fingerprint: Fingerprint
    cards: Mapping[str, Card]
    rules: Mapping[str, Rule]
    evaluated_versions: Mapping[str, int]
    looked: Looked | None = None

    @property
    def static_keys(self) -> frozenset[str]:
        """Keys of the segments whose members are those that are written down."""
        return frozenset(key for key, card in self.cards.items() if card.kind == "static")


@dataclass(frozen=True)
class Done:
    """How looking at one segment went: its size, or what went wrong."""

    card: Card
    size: int = 0
    error: str = ""


def fingerprint(store: Store) -> Fingerprint:
    """What a change of the set-up changes; empty when there never was a segment."""
    columns = [segments.c[name] for name in ("segment_id", "key", "kind", "version", "state")]
    with store.read() as connection:
        rows = connection.execute(sa.select(*columns).order_by(segments.c.segment_id)).all()
    found: Fingerprint = tuple((row[0], row[1], row[2], row[3], row[4]) for row in rows)
    return found


def read_plan(store: Store, known: Fingerprint) -> Plan:
    """The active segments of a fingerprint with their rules."""
    cards = {
        key: Card(segment_id, key, kind, version) for segment_id, key, kind, version, state in known if state == ACTIVE
    }
    query = (
        sa.select(
            segments.c.key,
            segment_versions.c.rule,
            *(segment_evaluations.c[name] for name in ("rule_version", "data_version", "evaluated_at")),
        )
        .join(
            segment_versions,
            sa.and_(
                segment_versions.c.segment_id == segments.c.segment_id,
                segment_versions.c.version == segments.c.version,
            ),
        )
        .outerjoin(segment_evaluations, segment_evaluations.c.segment_id == segments.c.segment_id)
        .where(segments.c.state == ACTIVE)
    )
    with store.read() as connection:
        rows = [row for row in rows_of(connection, query) if row["key"] in cards]
    return Plan(
        known,
        cards,
        {row["key"]: Rule.model_validate(row["rule"]) for row in rows},
        {row["key"]: int(row["rule_version"] or 0) for row in rows},
        _looked(rows),
    )


def _looked(rows: list[dict[str, Any]]) -> Looked | None:
    versions = {row["data_version"] for row in rows}
    moments = [row["evaluated_at"] for row in rows]
    if len(versions) != 1 or None in versions or None in moments:
        return None
    return Looked(int(versions.pop()), min(moments))


def write_done(store: Store, outcomes: Iterable[Done], data_version: int, now: datetime) -> None:
    """Write how a pass went; the last good size stays where something went wrong."""
    good, failed = [], []
    for done in outcomes:
        row = {
            "segment_id": done.card.segment_id, "rule_version": done.card.version, "size": done.size,
            "data_version": data_version, "evaluated_at": now, "error": "", "failed_at": None,
        }  # fmt: skip
        if done.error:
            failed.append({**row, "rule_version": 0, "error": done.error, "failed_at": now})
        else:
            good.append(row)
    with store.write() as connection:
        for rows, changed in ((good, None), (failed, ("error", "failed_at"))):
            if rows:
                statement = upsert(connection, segment_evaluations)
                names = changed or tuple(name for name in rows[0] if name != "segment_id")
                updates = {name: statement.excluded[name] for name in names}
                connection.execute(statement.on_conflict_do_update(index_elements=["segment_id"], set_=updates), rows)
