"""People by name: some of an audience, a page of members, a search for somebody.

Belongs here: rows about people. Stays out: who is a member (`answers.py`) and files (`dmat.segments.export`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dmat.segments.rules import Rule
from dmat.warehouse import Workspace

if TYPE_CHECKING:
    from apps.screens.segments.answers import Answers

PAGE = 25
_PEOPLE = (
    "select person_id, coalesce(nullif(full_name, ''), nullif(email, ''), 'No name') as name,"
    " coalesce(email, '') as email, coalesce(country_code, '') as country, coalesce(lifecycle, '') as lifecycle,"
    " orders_count, revenue_cents, coalesce(currency_code, '') as currency, last_seen_at from people.dim_people"
)
_WORDS = "(lower(coalesce(full_name, '')) like ? or lower(coalesce(email, '')) like ?)"


@dataclass(frozen=True)
class Person:
    """One row of a list of people; the number is text, because browsers round numbers that long."""

    person_id: str
    name: str
    email: str
    country: str
    lifecycle: str
    orders: int
    revenue_cents: int | None
    currency: str
    last_seen_at: datetime | None


@dataclass(frozen=True)
class Members:
    """A page of members, how many fit in all, and which page it is (from 1)."""

    people: tuple[Person, ...]
    fitting: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.fitting // PAGE))


def _person(row: dict[str, Any]) -> Person:
    return Person(
        str(row["person_id"]), row["name"], row["email"], row["country"], row["lifecycle"],
        int(row["orders_count"] or 0), row["revenue_cents"], row["currency"], row["last_seen_at"],
    )  # fmt: skip


def read_people(workspace: Workspace, ids: Sequence[int]) -> tuple[Person, ...]:
    """The people with these numbers, the last seen first."""
    rows = workspace.rows(
        f"{_PEOPLE} where person_id in (select unnest(?::bigint[])) order by last_seen_at desc nulls last, person_id",
        [list(ids)],
    )
    return tuple(map(_person, rows))


def read_members(answers: Answers, rule: Rule, words: str, page: int, channel: str = "") -> Members:
    """One page of the people of a rule, by name; with a channel, of those whom it reaches."""
    members, parameters = _members_sql(answers, rule, channel)
    where = f"where person_id in (select person_id from members) and {_WORDS}"
    bound = [*parameters, _pattern(words), _pattern(words)]
    begin = f"with members as ({members})"
    counted = answers.context.workspace.rows(f"{begin} select count(*) as n from people.dim_people {where}", bound)
    fitting = int(counted[0]["n"])
    page = max(1, min(page, -(-fitting // PAGE)))
    rows = answers.context.workspace.rows(
        f"{begin} {_PEOPLE} {where} order by name, person_id limit {PAGE} offset {(page - 1) * PAGE}", bound
    )
    return Members(tuple(map(_person, rows)), fitting, page)


def _members_sql(answers: Answers, rule: Rule, channel: str) -> tuple[str, list[Any]]:
    if channel:
        return "select unnest(?::bigint[]) as person_id", [answers.reachable_ids(rule, channel).tolist()]
    compiled = answers.compiled(rule)
    return compiled.sql, list(compiled.parameters)


def find_people(workspace: Workspace, words: str, size: int = 8) -> tuple[Person, ...]:
    """People whose name or address has these words, members or not."""
    rows = workspace.rows(
        f"{_PEOPLE} where {_WORDS} order by name, person_id limit {int(size)}", [_pattern(words), _pattern(words)]
    )
    return tuple(map(_person, rows))


def find_person(workspace: Workspace, person_id: str) -> Person | None:
    """The person with this number, or None."""
    if not person_id.isdigit() or len(person_id) > 18:
        return None
    rows = workspace.rows(f"{_PEOPLE} where person_id = ?", [int(person_id)])
    return _person(rows[0]) if rows else None


def _pattern(words: str) -> str:
    plain = " ".join(words.lower().split())[:80].replace("%", "").replace("_", "")
    return f"%{plain}%"
