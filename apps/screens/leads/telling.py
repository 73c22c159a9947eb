"""A lead as the screen tells it: its clock, why its score is what it is, what happened to it.

Belongs here: pure functions from rules to words and rows. Stays out: queries, layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dmat.routing.lists import ANSWER, Due, Listed
from dmat.scoring.live import Score
from dmat.scoring.points import Entry
from dmat.scoring.words import breakdown
from dmat.store.tokens import MACHINE

SOON = timedelta(minutes=15)
SHOWN = 80
ELSEWHERE = ("activity", "company", "role")
"""Sources of points that the history tells of, or that are no events."""
TONES = {"hot": "danger", "warm": "warning", "cold": "info"}
STATUS_WORDS = {"new": "New", "contacted": "Contacted", "qualified": "Qualified", "won": "Won", "lost": "Lost"}
STATUS_TONES = {"new": "", "contacted": "info", "qualified": "primary", "won": "success", "lost": ""}
PUSH_WORDS = {
    "slack": "Slack", "hubspot": "HubSpot contact", "hubspot_deal": "HubSpot deal", "salesforce": "Salesforce lead",
    "salesforce_opportunity": "Salesforce opportunity",
}  # fmt: skip
"""What is pushed to a vendor about a lead."""
KINDS = {
    "created": "plus", "qualified": "bolt", "assigned": "person", "accepted": "check", "rejected": "undo",
    "silence": "clock", "status": "tag", "activity": "events", "note": "edit", "returned": "undo",
}  # fmt: skip


@dataclass(frozen=True)
class ClockWords:
    """A clock as it is shown: what is due, until when, and how urgent that is."""

    words: str
    at: datetime
    tone: str


@dataclass(frozen=True)
class Reason:
    """One part of a score; `width` is its share of the largest, 0 to 100."""

    words: str
    points: float
    width: float


@dataclass(frozen=True)
class Happening:
    """One line of the timeline."""

    at: datetime
    icon: str
    title: str
    words: str = ""
    by: str = ""
    points: int | None = None


def clock_words(due: Due | None, now: datetime) -> ClockWords | None:
    """A clock in words."""
    if due is None:
        return None
    what = "Answer" if due.what == ANSWER else "First contact"
    if due.at <= now:
        return ClockWords(f"{what} was due", due.at, "danger")
    return ClockWords(f"{what} due", due.at, "warning" if due.at - now <= SOON else "")


def reasons_of(score: Score) -> list[Reason]:
    """Why a score is what it is, what weighs most first."""
    rows = [(words, float(left)) for words, left in breakdown(score.entries)]
    top = max((abs(left) for _, left in rows), default=0.0) or 1.0
    return [Reason(words[:1].upper() + words[1:], left, 100 * abs(left) / top) for words, left in rows]


def short_reasons(score: Score, most: int = 2) -> str:
    """The heaviest reasons in a line."""
    found = [words for words, left in breakdown(score.entries) if left > 0][:most]
    words = ", ".join(found)
    return words[:1].upper() + words[1:] if words else "Nothing has earned points yet"


def timeline(
    entries: Iterable[Entry], history: Iterable[Mapping[str, Any]], names: Mapping[str, str]
) -> list[Happening]:
    """What the lead did and what was done about it, the newest first."""
    found = [_of_history(row, names) for row in history]
    found += [_of_entry(entry) for entry in entries if entry.source not in ELSEWHERE]
    return sorted(found, key=lambda each: each.at, reverse=True)[:SHOWN]


def _of_entry(entry: Entry) -> Happening:
    words = entry.subject.replace("_", " ") if entry.subject and entry.subject != entry.label else ""
    return Happening(entry.occurred_at, "bolt", entry.label[:1].upper() + entry.label[1:], words, "", entry.points)


def _of_history(row: Mapping[str, Any], names: Mapping[str, str]) -> Happening:
    kind, detail = str(row["kind"]), row["detail"] or {}
    words = str(row["words"])
    titles = {
        "created": "Became a lead", "qualified": "Crossed the threshold", "activity": "Activity noted", "note": "Note",
        "assigned": f"Given to {names.get(str(detail.get('rep')), str(detail.get('rep') or ''))}".strip(),
        "accepted": "Taken on", "rejected": "Given back", "silence": "No answer in time", "returned": "Came back",
        "status": f"{STATUS_WORDS.get(str(detail.get('after')), 'Status changed')}",
    }  # fmt: skip
    title = titles.get(kind, kind.replace("_", " ").capitalize())
    if kind == "assigned" and not detail.get("rep"):
        title = "Waits for somebody"
    for key, name in names.items():
        words = words.replace(f"{key} ", f"{name} ") if words.startswith(f"{key} ") else words
    return Happening(row["happened_at"], KINDS.get(kind, "info"), title, words[:1].upper() + words[1:], _by(row, names))


def _by(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    by = str(row["by"])
    machines = {"routing": "the rules of routing", "scoring": "the score", "decide": "the tables"}
    if by.startswith(MACHINE):
        return f"the machine {by.removeprefix(MACHINE)}"
    return machines.get(by, names.get(by, by))


def counts_of(rows: Iterable[Listed]) -> dict[str, int]:
    """Band -> how many."""
    found = {"hot": 0, "warm": 0, "cold": 0}
    for row in rows:
        found[row.score.band] += 1
    return found
