"""The live score of a lead: its ledger in the tables, with what came in since, as of now.

Belongs here: reading both and reckoning; noting an activity. Stays out: the rules of the ledger (`dbt`), the formula
(`points.py`). A score is never written and then read: it is the sum of these entries each time.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import InvalidInputError, NotPublishedError
from dmat.scoring.leads import Lead, get_lead, leads_of, note
from dmat.scoring.matrix import Rule, find_action, read_matrix, seed_bands
from dmat.scoring.points import Entry, left_of, sum_of
from dmat.store.engine import Store, chunks, rows_of
from dmat.store.lead_tables import lead_activities
from dmat.warehouse import Workspace

MOST_POINTS, LONGEST_REASON = 1000, 255
AHEAD = timedelta(minutes=5)  # clocks of callers differ
ADJUSTED = "adjustment"
ALLOWED_POINTS = f"-{MOST_POINTS} to {MOST_POINTS}, not 0"
_COLUMNS = """
    entry_key, action, label, source, coalesce(subject, '') as subject, occurred_at, points, half_life_days
"""
_PUBLISHED = f"select {_COLUMNS} from scores.fct_score_points where person_id = ? or lead_id = ?"
_OF_MANY = "select person_id, lead_id, {columns} from scores.fct_score_points where {column} in ({marks})"


@dataclass(frozen=True)
class Score:
    """A lead's score as of a moment, with the ledger that it is the sum of (newest first)."""

    lead_id: int
    score: Decimal
    band: str
    is_qualified: bool
    entries: tuple[Entry, ...]
    as_of: datetime

    @property
    def whole(self) -> int:
        """The score as it is shown: whole points, rounded half up; thresholds look at the hundredths."""
        return int(self.score.quantize(Decimal(1), ROUND_HALF_UP))

    @property
    def shown(self) -> str:
        """The score for people: whole points; tenths where whole points would stand on the other side of a line."""
        bands = seed_bands()
        ways = [(Decimal(1), ROUND_HALF_UP)]
        ways += [(Decimal("0.1"), rounding) for rounding in (ROUND_HALF_UP, ROUND_FLOOR, ROUND_CEILING)]
        rounded = [self.score.quantize(step, rounding) for step, rounding in ways]
        fits = (at for at in rounded if (bands.band_of(at), bands.is_qualified(at)) == (self.band, self.is_qualified))
        return str(next(fits, self.score))


def score_of(store: Store, workspace: Workspace, lead_id: int, now: datetime) -> Score:
    """The score of a lead.

    Raises:
        NotFoundError: there is no such lead.
    """
    with store.read() as connection:
        lead = get_lead(connection, lead_id)
        return _score(connection, lead, published_entries(workspace, lead), now)


def scores_of(store: Store, workspace: Workspace, lead_ids: Sequence[int], now: datetime) -> dict[int, Score]:
    """Number -> score of those leads that are there, in a few questions for all of them."""
    with store.read() as connection:
        found, matrix = leads_of(connection, lead_ids), read_matrix(connection)
        own = _activities(connection, list(found))
    published = _published_of(workspace, list(found.values()))
    scores = {}
    for number, lead in found.items():
        rows = [row for key in (("person_id", lead.person_id), ("lead_id", number)) for row in published.get(key, ())]
        unique = {str(row["entry_key"]): row for row in rows}
        scores[number] = _sum_up(lead, list(unique.values()), own.get(number, []), matrix, now)
    return scores


def _published_of(workspace: Workspace, of_leads: Sequence[Lead]) -> dict[tuple[str, int | None], list[dict[str, Any]]]:
    """(column, number) -> rows of the published ledger with that person or lead."""
    found: dict[tuple[str, int | None], list[dict[str, Any]]] = defaultdict(list)
    numbers = {"person_id": [lead.person_id for lead in of_leads if lead.person_id is not None],
               "lead_id": [lead.lead_id for lead in of_leads]}  # fmt: skip
    for column, wanted in numbers.items():
        for batch in chunks(wanted):
            query = _OF_MANY.format(columns=_COLUMNS, column=column, marks=", ".join("?" for _ in batch))
            for row in _rows(workspace, query, batch):
                key = (column, int(row[column]))
                found[key].append({name: row[name] for name in row if name not in numbers})
    return found


def _rows(workspace: Workspace, query: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    try:
        return workspace.rows(query, list(values))
    except (NotPublishedError, duckdb.CatalogException):
        return []  # nothing published, or by a release that had no scores


def _score(connection: Connection, lead: Lead, published: Sequence[Mapping[str, Any]], now: datetime) -> Score:
    own = _activities(connection, [lead.lead_id]).get(lead.lead_id, [])
    return _sum_up(lead, published, own, read_matrix(connection), now)


def _sum_up(
    lead: Lead, published: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]], matrix: Mapping[str, Rule],
    now: datetime,
) -> Score:  # fmt: skip
    rows = [*published]
    known = {str(row["entry_key"]) for row in rows}
    rows += [row for row in _own_activities(own, matrix) if row["entry_key"] not in known]
    sources = {str(row["source"]) for row in rows}
    rows += [row for row in _profile(lead, matrix.values()) if row["source"] not in sources]
    entries = [_entry(row, now) for row in rows if row["occurred_at"] <= now]
    entries.sort(key=lambda entry: (entry.occurred_at, entry.entry_key), reverse=True)
    total, bands = sum_of(entries), seed_bands()
    return Score(lead.lead_id, total, bands.band_of(total), bands.is_qualified(total), tuple(entries), now)


def published_entries(workspace: Workspace, lead: Lead) -> list[dict[str, Any]]:
    """A lead's rows of the published ledger; none while there are no tables."""
    return _rows(workspace, _PUBLISHED, [lead.person_id, lead.lead_id])


def _activities(connection: Connection, lead_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Lead -> what was noted at our own doors."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for batch in chunks(lead_ids):
        for row in rows_of(connection, sa.select(lead_activities).where(lead_activities.c.lead_id.in_(batch))):
            found[int(row["lead_id"])].append(row)
    return found


def _own_activities(own: Sequence[Mapping[str, Any]], matrix: Mapping[str, Rule]) -> Iterable[dict[str, Any]]:
    for row in own:
        rule = matrix.get(row["action"])
        if row["points"] is None and (rule is None or not rule.is_active):
            continue
        is_live = rule is not None and rule.is_active
        yield {
            "entry_key": f"activity:{row['activity_id']}", "action": row["action"], "source": "activity",
            "label": rule.label if rule and is_live else "was adjusted by hand", "subject": row["reason"],
            "occurred_at": row["occurred_at"],
            "points": rule.points if row["points"] is None and rule else row["points"],
            "half_life_days": rule.half_life_days if rule and is_live else None,
        }  # fmt: skip


def _profile(lead: Lead, rules: Iterable[Rule]) -> Iterable[dict[str, Any]]:
    """Points for what the lead is, until the tables have them."""
    for source, words in (("company", lead.company_size), ("role", lead.job_title.lower())):
        fitting = (r for r in rules if r.is_active and r.source == source and words and re.search(r.pattern, words))
        rule = next(fitting, None)
        if rule is not None:
            yield {
                "entry_key": f"{source}:lead-{lead.lead_id}", "action": rule.action, "source": source,
                "label": rule.label, "subject": lead.company_size if source == "company" else lead.job_title,
                "occurred_at": lead.created_at, "points": rule.points, "half_life_days": rule.half_life_days,
            }  # fmt: skip


def _entry(row: Mapping[str, Any], now: datetime) -> Entry:
    left = left_of(int(row["points"]), row["half_life_days"], row["occurred_at"], now)
    return Entry(**row, points_now=left)


@dataclass(frozen=True)
class Noted:
    """What an activity did to a score."""

    lead_id: int
    action: str
    before: Score
    after: Score


def note_activity(
    store: Store,
    workspace: Workspace,
    lead_id: int,
    activity_type: str,
    now: datetime,
    by: str,
    *,
    reason: str = "",
    points: int | None = None,
    occurred_at: datetime | None = None,
) -> Noted:
    """Note that a lead did something, or adjust its points by hand (`points`, type `adjustment`).

    Raises:
        NotFoundError: there is no such lead.
        InvalidInputError: an activity that the matrix does not know, a reason that is too long, points out of bounds,
            a moment in the future.
    """
    moment = _checked_moment(occurred_at or now, now)
    if len(reason) > LONGEST_REASON:
        raise InvalidInputError("reason", f"{len(reason)} signs are too many", f"at most {LONGEST_REASON}")
    with store.write() as connection:
        lead = get_lead(connection, lead_id, locks=True)
        published = published_entries(workspace, lead)
        before = _score(connection, lead, published, now)
        action = _action(read_matrix(connection), activity_type, points)
        row = {
            "lead_id": lead_id, "action": action, "points": points, "reason": reason, "occurred_at": moment,
            "recorded_at": now, "recorded_by": by,
        }  # fmt: skip
        connection.execute(sa.insert(lead_activities).values(row))
        after = _score(connection, lead, published, now)
        words = f"{action.replace('_', ' ')}: {before.score} to {after.score}"
        note(connection, lead_id, "activity", words, now, by, reason=reason)
    return Noted(lead_id, action, before, after)


def _action(matrix: Mapping[str, Rule], activity_type: str, points: int | None) -> str:
    if points is None and activity_type == ADJUSTED:
        raise InvalidInputError("points", "an adjustment says how many", ALLOWED_POINTS)
    if points is None:
        return find_action(matrix, activity_type).action
    if activity_type != ADJUSTED:
        raise InvalidInputError("points", "only an adjustment says how many", f"activity_type {ADJUSTED}")
    if not -MOST_POINTS <= points <= MOST_POINTS or points == 0:
        raise InvalidInputError("points", f"{points} is out of bounds", ALLOWED_POINTS)
    return ADJUSTED


def _checked_moment(moment: datetime, now: datetime) -> datetime:
    if moment > now + AHEAD:
        raise InvalidInputError("occurred_at", "it is in the future", f"until {now:%Y-%m-%dT%H:%M:%SZ}")
    return min(moment, now)
