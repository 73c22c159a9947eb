"""The score matrix: how many points each action earns, and for how long; bands; changes that people make to it.

Belongs here: reading the seeds `score_matrix` and `score_bands`, and changing single lines in the store.
Stays out: which events fit which line (`dbt/models/marts/scores/fct_score_points.sql`).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import InvalidInputError
from dmat.settings import ROOT
from dmat.store.engine import Store, rows_of, upsert
from dmat.store.lead_tables import score_matrix_versions, score_rules
from dmat.store.workspace_values import write_audit

SEEDS = ROOT / "dbt" / "seeds"
MOST_POINTS = 1000
SHORTEST_DAYS, LONGEST_DAYS = 0.25, 3650.0


@dataclass(frozen=True)
class Rule:
    """One line of the matrix; `half_life_days` is None when its points stay."""

    priority: int
    action: str
    label: str
    source: str
    pattern: str
    points: int
    half_life_days: float | None
    activity_type: str
    is_active: bool = True
    is_changed: bool = False


@dataclass(frozen=True)
class Bands:
    """From which score on a lead is warm and hot (both included), and over which it is marketing qualified."""

    warm: Decimal
    hot: Decimal
    qualified_over: Decimal
    advice: Mapping[str, str]

    def band_of(self, score: Decimal) -> str:
        """cold, warm or hot."""
        if score >= self.hot:
            return "hot"
        return "warm" if score >= self.warm else "cold"

    def is_qualified(self, score: Decimal) -> bool:
        """Whether the score is over the threshold at which sales is told."""
        return score > self.qualified_over


@lru_cache
def seed_matrix() -> tuple[Rule, ...]:
    """The lines of the seed, in order of priority."""
    with open(SEEDS / "score_matrix.csv", encoding="utf-8", newline="") as file:
        rows = [_rule(row) for row in csv.DictReader(file)]
    return tuple(sorted(rows, key=lambda rule: rule.priority))


def _rule(row: Mapping[str, str]) -> Rule:
    return Rule(
        int(row["priority"]), row["action"], row["label"], row["source"], row["pattern"], int(row["points"]),
        float(row["half_life_days"]) if row["half_life_days"] else None, row["activity_type"],
    )  # fmt: skip


@lru_cache
def seed_bands() -> Bands:
    """The thresholds of the seed."""
    with open(SEEDS / "score_bands.csv", encoding="utf-8", newline="") as file:
        rows = {row["band"]: row for row in csv.DictReader(file)}
    at = {band: Decimal(row["over"]) for band, row in rows.items()}
    return Bands(at["warm"], at["hot"], at["mql"], {band: row["what_to_do"] for band, row in rows.items()})


def read_matrix(connection: Connection) -> dict[str, Rule]:
    """Action -> its line as it applies in this workspace, in order of priority."""
    names = ("action", "points", "half_life_days", "is_active")
    changed = {row["action"]: row for row in rows_of(connection, sa.select(*(score_rules.c[name] for name in names)))}
    found = {}
    for rule in seed_matrix():
        own = changed.get(rule.action)
        found[rule.action] = replace(rule, **own, is_changed=True) if own else rule
    return found


def find_action(matrix: Mapping[str, Rule], named: str) -> Rule:
    """The line that an activity names, by its action or by the API's word for it.

    Raises:
        InvalidInputError: the matrix has no such line, or it is switched off.
    """
    rule = matrix.get(named) or next((each for each in matrix.values() if each.activity_type == named), None)
    if rule is None:
        allowed = sorted({each.activity_type for each in matrix.values()} | set(matrix))
        raise InvalidInputError("activity_type", f"{named[:60]!r} is not in the score matrix", ", ".join(allowed))
    if not rule.is_active:
        raise InvalidInputError("activity_type", f"{rule.action} earns no points: it is switched off", "another one")
    return rule


def change_rule(
    store: Store,
    action: str,
    now: datetime,
    by: str,
    *,
    points: int | None = None,
    half_life_days: float | None = None,
    never_decays: bool = False,
    is_active: bool | None = None,
) -> Rule:
    """Change a line; what is not given stays, and what changes nothing makes no version. Scores follow with the next
    build.

    Raises:
        InvalidInputError: no such line, or a value out of bounds.
    """
    with store.write() as connection:
        matrix = read_matrix(connection)
        if action not in matrix:
            raise InvalidInputError("action", f"{action[:60]!r} is not in the score matrix", ", ".join(matrix))
        before = matrix[action]
        after = replace(
            before,
            points=before.points if points is None else checked_points(points),
            half_life_days=None if never_decays else checked_days(half_life_days) or before.half_life_days,
            is_active=before.is_active if is_active is None else is_active,
        )
        if after == before:
            return before
        after = replace(after, is_changed=True)
        keep_line(connection, after, now, by)
        keep_version(connection, now, by)
        write_audit(
            connection, now, by, "score matrix changed", action, before=_shown(before), after=_shown(after)
        )  # fmt: skip
    return after


def reset_rule(store: Store, action: str, now: datetime, by: str) -> Rule:
    """Let a line be as the seed has it again.

    Raises:
        InvalidInputError: no such line.
    """
    rule = next((each for each in seed_matrix() if each.action == action), None)
    if rule is None:
        raise InvalidInputError("action", f"{action[:60]!r} is not in the score matrix", "an action of the matrix")
    with store.write() as connection:
        keep_line(connection, rule, now, by)
        keep_version(connection, now, by)
        write_audit(connection, now, by, "score matrix reset", action)
    return rule


def keep_version(connection: Connection, now: datetime, by: str, note: str = "") -> int:
    """Keep the matrix as it applies now as its next version, inside the caller's transaction; gives its number."""
    newest = connection.execute(sa.select(sa.func.max(score_matrix_versions.c.version))).scalar()
    number = int(newest or 0) + 1
    document = {action: _shown(rule) for action, rule in read_matrix(connection).items()}
    row = {"version": number, "document": document, "note": note, "created_at": now, "created_by": by}
    connection.execute(sa.insert(score_matrix_versions).values(row))
    return number


def keep_line(connection: Connection, rule: Rule, now: datetime, by: str) -> None:
    """Keep one line, inside the caller's transaction."""
    row = {
        "action": rule.action, "points": rule.points, "half_life_days": rule.half_life_days,
        "is_active": rule.is_active, "updated_at": now, "updated_by": by,
    }  # fmt: skip
    statement = upsert(connection, score_rules).values(row | {"revision": 1, "exported_revision": 0})
    changed = row | {"revision": score_rules.c.revision + 1}
    connection.execute(statement.on_conflict_do_update(index_elements=["action"], set_=changed))


def checked_points(points: int) -> int:
    """Points within bounds.

    Raises:
        InvalidInputError: they are not.
    """
    if not -MOST_POINTS <= points <= MOST_POINTS:
        raise InvalidInputError("points", f"{points} is out of bounds", f"-{MOST_POINTS} to {MOST_POINTS}")
    return points


def checked_days(days: float | None) -> float | None:
    """A half-life within bounds; None is for ever.

    Raises:
        InvalidInputError: it is not.
    """
    if days is not None and not SHORTEST_DAYS <= days <= LONGEST_DAYS:
        raise InvalidInputError("half_life_days", f"{days:g} is out of bounds", f"{SHORTEST_DAYS} to {LONGEST_DAYS:g}")
    return days


def _shown(rule: Rule) -> dict[str, object]:
    return {"points": rule.points, "half_life_days": rule.half_life_days, "is_active": rule.is_active}
