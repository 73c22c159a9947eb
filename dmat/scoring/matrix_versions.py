"""Versions of the score matrix: several lines changed at once, what that would do to the leads, going back.

Belongs here: versions, and reckoning what a matrix that nobody has kept yet would do. Stays out: a single line
(`matrix.py`), the ledger of points (`dbt`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import ConflictError, InvalidInputError, NotFoundError, NotPublishedError
from dmat.scoring.matrix import (
    Rule,
    checked_days,
    checked_points,
    keep_line,
    keep_version,
    read_matrix,
    seed_bands,
    seed_matrix,
)
from dmat.store.engine import Store, rows_of
from dmat.store.lead_tables import score_matrix_versions
from dmat.store.workspace_values import write_audit
from dmat.warehouse import Workspace

LONGEST_NOTE = 500
_EFFECT = """
    with lines (action, points, half_life_days, is_active) as (values {values}),
    entries as (
        select
            ledger.person_id,
            case
                when lines.action is null then ledger.points_now
                when not lines.is_active then 0
                when lines.half_life_days is null then lines.points
                else round(lines.points * pow(
                    0.5, greatest(date_diff('second', ledger.occurred_at, cast(? as timestamp)), 0)
                    / 86400.0 / lines.half_life_days
                ), 2)
            end as points_left
        from scores.fct_score_points as ledger
        left join lines on ledger.action = lines.action
    ),
    sums as (
        select leads.person_id, coalesce(sum(entries.points_left), 0) as score
        from scores.lead_scores as leads
        left join entries on leads.person_id = entries.person_id
        group by leads.person_id
    )
    select
        count(*) as leads_count,
        coalesce(sum(case when score >= ? then 1 else 0 end), 0) as hot_count,
        coalesce(sum(case when score >= ? and score < ? then 1 else 0 end), 0) as warm_count,
        coalesce(sum(case when score < ? then 1 else 0 end), 0) as cold_count,
        coalesce(sum(case when score > ? then 1 else 0 end), 0) as qualified_count
    from sums
"""


@dataclass(frozen=True)
class MatrixVersion:
    """One version: the lines as they applied, who kept it, when and why."""

    version: int
    document: dict[str, dict[str, Any]]
    note: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Effect:
    """How many leads a matrix makes hot, warm, cold and marketing qualified."""

    leads_count: int
    hot_count: int
    warm_count: int
    cold_count: int
    qualified_count: int


def current_version(connection: Connection) -> int:
    """The number of the version that applies; 0 is the seed."""
    return int(connection.execute(sa.select(sa.func.max(score_matrix_versions.c.version))).scalar() or 0)


def list_versions(store: Store, limit: int = 50) -> list[MatrixVersion]:
    """Versions, the newest first."""
    columns = [score_matrix_versions.c[name] for name in MatrixVersion.__dataclass_fields__]
    with store.read() as connection:
        query = sa.select(*columns).order_by(score_matrix_versions.c.version.desc()).limit(limit)
        return [MatrixVersion(**row) for row in rows_of(connection, query)]


def drafted(matrix: Mapping[str, Rule], changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Rule]:
    """A matrix with changed lines: action -> any of `points`, `half_life_days` (None is for ever), `is_active`.

    Raises:
        InvalidInputError: names `action.field` and what is allowed.
    """
    found = dict(matrix)
    for action, values in changes.items():
        if action not in matrix:
            raise InvalidInputError("action", f"{action[:60]!r} is not in the score matrix", ", ".join(matrix))
        found[action] = _drafted(matrix[action], values)
    return found


def _drafted(rule: Rule, values: Mapping[str, Any]) -> Rule:
    try:
        points = checked_points(int(values.get("points", rule.points)))
        days = values.get("half_life_days", rule.half_life_days)
        half_life = checked_days(None if days is None else float(days))
    except InvalidInputError as error:
        raise InvalidInputError(f"{rule.action}.{error.field}", error.problem, error.allowed) from None
    return replace(
        rule, points=points, half_life_days=half_life, is_active=bool(values.get("is_active", rule.is_active))
    )


def change_matrix(
    store: Store,
    changes: Mapping[str, Mapping[str, Any]],
    now: datetime,
    by: str,
    note: str = "",
    expected: int | None = None,
) -> int:
    """Keep changed lines as one new version; gives its number, or that of the present one when nothing changes.

    Raises:
        InvalidInputError: see `drafted`; the note is too long.
        ConflictError: `expected` is not the version that applies.
    """
    if len(note) > LONGEST_NOTE:
        raise InvalidInputError("note", f"{len(note)} signs are too many", f"at most {LONGEST_NOTE}")
    with store.write() as connection:
        before, version = read_matrix(connection), current_version(connection)
        if expected is not None and expected != version:
            raise ConflictError(f"the score matrix is at version {version}, not {expected}: look at it again")
        after = drafted(before, changes)
        changed = [rule for action, rule in after.items() if rule != before[action]]
        if not changed:
            return version
        for rule in changed:
            keep_line(connection, rule, now, by)
        number = keep_version(connection, now, by, note)
        write_audit(connection, now, by, "score matrix changed", str(number), actions=[rule.action for rule in changed])
    return number


def restore_version(store: Store, version: int, now: datetime, by: str) -> int:
    """Let the matrix be as it was in a version (0 is the seed), as a new version; gives its number.

    Raises:
        NotFoundError: there is no such version.
    """
    if version == 0:
        document = {rule.action: {"points": rule.points, "half_life_days": rule.half_life_days, "is_active": True}
                    for rule in seed_matrix()}  # fmt: skip
    else:
        found = next((each for each in list_versions(store, 10_000) if each.version == version), None)
        if found is None:
            raise NotFoundError(f"there is no version {version} of the score matrix")
        known = {rule.action for rule in seed_matrix()}
        document = {action: line for action, line in found.document.items() if action in known}
    return change_matrix(store, document, now, by, f"as in version {version}")


def effect_of(view: Workspace, matrix: Mapping[str, Rule], now: datetime) -> Effect | None:
    """What a matrix would make of the leads of the tables, reckoned from their ledger; None without tables.

    What happened stays as it was recognised: an action that is switched on again shows once the tables are built anew.
    """
    rules, bands = list(matrix.values()), seed_bands()
    values = ", ".join("(cast(? as varchar), cast(? as integer), cast(? as double), cast(? as boolean))" for _ in rules)
    lines: list[Any] = [each for r in rules for each in (r.action, r.points, r.half_life_days, r.is_active)]
    warm, hot, over = float(bands.warm), float(bands.hot), float(bands.qualified_over)
    try:
        [row] = view.rows(_EFFECT.format(values=values), [*lines, now, hot, warm, hot, warm, over])
    except (NotPublishedError, duckdb.CatalogException):
        return None
    return Effect(**{name: int(row[name]) for name in Effect.__dataclass_fields__})
