"""What a segment is, as the store keeps it: its card, its versions, drafts, who uses it, how its evaluation went.

Belongs here: these shapes, and reading them from rows. Stays out: changing them (`library.py`) and the rule itself
(`rules.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.segments.rules import Rule
from dmat.store.engine import rows_of
from dmat.store.tables import segment_evaluations, segment_versions, segments

KINDS = ("dynamic", "static")
ACTIVE, ARCHIVED, DELETED = "active", "archived", "deleted"
STATES = (ACTIVE, ARCHIVED)


@dataclass(frozen=True)
class Evaluation:
    """How the last evaluation of a segment went.

    Attributes:
        rule_version: the version of the rule that the members belong to.
        size: how many people were in it.
        data_version: the published version of the warehouse that was looked at.
        evaluated_at: when it last changed or was last looked at with success.
        error: what went wrong since; empty when all is well.
        failed_at: when it went wrong.
    """

    rule_version: int
    size: int
    data_version: int
    evaluated_at: datetime
    error: str = ""
    failed_at: datetime | None = None


@dataclass(frozen=True)
class Segment:
    """A segment with the newest version of its rule."""

    segment_id: int
    key: str
    name: str
    description: str
    kind: str
    folder: str
    tags: tuple[str, ...]
    owner: str
    state: str
    version: int
    rule: Rule
    rule_hash: str
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    evaluation: Evaluation | None = None

    @property
    def mark(self) -> str:
        """Another text for each state of rule and card, to say on which state a change was made."""
        card = [getattr(self, name) for name in ("name", "description", "kind", "folder", "tags", "owner", "state")]
        return f"{self.version}-{hashlib.sha256(repr(card).encode()).hexdigest()[:16]}"

    @property
    def is_evaluated(self) -> bool:
        """Whether memberships are kept for it: active ones only."""
        return self.state == ACTIVE


@dataclass(frozen=True)
class SegmentVersion:
    """One version of a segment's rule, who made it and when."""

    version: int
    rule: Rule
    rule_hash: str
    note: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Use:
    """Somebody who needs a segment: another segment, a journey, a campaign, a test."""

    kind: str
    key: str
    name: str = ""

    def __str__(self) -> str:
        """`segment Win-back (win-back)`."""
        return f"{self.kind} {self.name} ({self.key})" if self.name else f"{self.kind} {self.key}"


@dataclass(frozen=True)
class Draft:
    """What the builder of one user holds and has not saved."""

    user_email: str
    segment_key: str
    document: dict[str, Any]
    based_on_version: int | None
    updated_at: datetime


def read_segments(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Segment]:
    """Segments that are not deleted and meet the conditions, by name; one query."""
    query = (
        sa.select(
            segments,
            segment_versions.c.rule,
            segment_versions.c.rule_hash,
            *(segment_evaluations.c[name].label(f"evaluation_{name}") for name in Evaluation.__dataclass_fields__),
        )
        .join(
            segment_versions,
            sa.and_(
                segment_versions.c.segment_id == segments.c.segment_id,
                segment_versions.c.version == segments.c.version,
            ),
        )
        .outerjoin(segment_evaluations, segment_evaluations.c.segment_id == segments.c.segment_id)
        .where(segments.c.state != DELETED, *conditions)
        .order_by(segments.c.name, segments.c.key)
    )
    return [segment_of(row) for row in rows_of(connection, query)]


def segment_names(connection: Connection) -> dict[str, str]:
    """Key -> name of every segment, also of those that are archived or deleted: figures of the past name them."""
    found = connection.execute(sa.select(segments.c.key, segments.c.name).order_by(segments.c.segment_id))
    return {str(key): str(name) for key, name in found}


def segment_of(row: Mapping[str, Any]) -> Segment:
    """A row of `read_segments` as a segment."""
    prefix = "evaluation_"
    known = {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}
    card = {name: row[name] for name in Segment.__dataclass_fields__ if name in row}
    card |= {"tags": tuple(row["tags"]), "rule": Rule.model_validate(row["rule"])}
    return Segment(**card, evaluation=Evaluation(**known) if known["evaluated_at"] is not None else None)
