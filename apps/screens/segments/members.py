"""People of a segment by name: a sample, a page of members, a search for somebody.

Belongs here: rows about people. Stays out: counts (`answers.py`) and files (`dmat.segments.export`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.screens.segments.answers import Answers, Subject

PAGE = 25
NARROWED = (
    "country_code", "lifecycle", "has_email_consent", "has_sms_consent", "has_whatsapp_consent", "has_push_consent",
)  # fmt: skip
"""Columns that a number on the screen leads to."""
_COLUMNS = (
    "person_id, coalesce(nullif(full_name, ''), nullif(email, ''), 'No name') as name, coalesce(email, '') as email,"
    " coalesce(country_code, '') as country, coalesce(lifecycle, '') as lifecycle, orders_count, revenue_cents,"
    " coalesce(currency_code, '') as currency, last_seen_at"
)


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


def _narrowing(narrow: tuple[str, str] | None) -> tuple[str, list[Any]]:
    if not narrow or narrow[0] not in NARROWED:
        return "true", []
    column, value = narrow
    if column.startswith("has_"):
        return f"{column}", []
    return f"coalesce({column}, '') = ?", [value]


def read_sample(
    answers: Answers, rule: Subject, narrow: tuple[str, str] | None, size: int, without: Subject | None = None
) -> tuple[Person, ...]:
    """Some members, the last seen first; without those of another rule when one is given."""
    where, bound = _narrowing(narrow)
    more = [without] if without else []
    apart = " and person_id not in (select person_id from members_2)" if without else ""
    rows = answers.rows(
        f"select {_COLUMNS} from people.dim_people where person_id in (select person_id from members) and {where}{apart}"
        f" order by last_seen_at desc nulls last, person_id limit {int(size)}",
        rule, *more, parameters=bound,
    )  # fmt: skip
    return tuple(map(_person, rows))


def read_members(answers: Answers, rule: Subject, narrow: tuple[str, str] | None, words: str, page: int) -> Members:
    """One page of members, by name."""
    where, bound = _narrowing(narrow)
    pattern = _pattern(words)
    query = (
        f"from people.dim_people where person_id in (select person_id from members) and {where}"
        " and (lower(coalesce(full_name, '')) like ? or lower(coalesce(email, '')) like ?)"
    )
    bound = [*bound, pattern, pattern]
    fitting = int(answers.rows(f"select count(*) as n {query}", rule, parameters=bound)[0]["n"])
    page = max(1, min(page, -(-fitting // PAGE)))
    rows = answers.rows(
        f"select {_COLUMNS} {query} order by name, person_id limit {PAGE} offset {(page - 1) * PAGE}",
        rule, parameters=bound,
    )  # fmt: skip
    return Members(tuple(map(_person, rows)), fitting, page)


def find_people(answers: Answers, words: str, size: int = 8) -> tuple[Person, ...]:
    """People whose name or address has these words, members or not."""
    pattern = _pattern(words)
    rows = answers.context.workspace.rows(
        f"select {_COLUMNS} from people.dim_people where lower(coalesce(full_name, '')) like ?"
        f" or lower(coalesce(email, '')) like ? order by name, person_id limit {int(size)}",
        [pattern, pattern],
    )
    return tuple(map(_person, rows))


def find_person(answers: Answers, person_id: str) -> Person | None:
    """The person with this number, or None."""
    if not person_id.isdigit():
        return None
    rows = answers.context.workspace.rows(
        f"select {_COLUMNS} from people.dim_people where person_id = ?", [int(person_id)]
    )
    return _person(rows[0]) if rows else None


def _pattern(words: str) -> str:
    plain = " ".join(words.lower().split())[:80].replace("%", "").replace("_", "")
    return f"%{plain}%"
