"""The panel that a figure opens: what it means, how it came about, which rows and people are behind it.

Belongs here: reading that for one figure, and keeping its people as a segment. Stays out: layout (`panel.jinja`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from apps.context import Context
from apps.screens.analytics.desk import desk_of
from apps.screens.analytics.wording import days_words, shown, unit_of
from apps.screens.segments.screen import answers_of
from dmat.errors import InvalidInputError, NotFoundError
from dmat.metrics.catalogue import load
from dmat.metrics.lineage import Lineage, of
from dmat.metrics.naming import value_words
from dmat.metrics.people import behind, has_people, ids_behind
from dmat.metrics.question import Question, read_address
from dmat.reports.making import Made, find_made
from dmat.segments.frame_rules import rule_from_emails
from dmat.segments.records import Segment
from dmat.store.access import Caller

PAGE = 10
LONGEST = 4000


@dataclass(frozen=True)
class Opened:
    """Which figure is open, which page of its people, and what was searched among them.

    Attributes:
        part: of a quotient: `numerator` or `denominator`.
        report_run_id: the report in which the reader clicked it; 0 for none.
    """

    key: str
    question: Question
    page: int = 1
    search: str = ""
    part: str = "numerator"
    told: str = ""
    problem: str = ""
    report_run_id: int = 0

    @property
    def address(self) -> str:
        """What opens it again."""
        return self.question.address()


@dataclass(frozen=True)
class Panel:
    """Everything the panel shows of a figure."""

    opened: Opened
    lineage: Lineage
    value: str
    days: str
    narrowed: tuple[tuple[str, str], ...]
    people: Sequence[dict[str, Any]]
    people_count: int
    has_people: bool
    report: Made | None = None

    @property
    def pages(self) -> int:
        """How many pages of people there are."""
        return max(1, -(-self.people_count // PAGE))

    @property
    def is_quotient(self) -> bool:
        """Whether the figure is one sum divided by another, so that there are people of both."""
        return bool(self.lineage.metric.denominator)


def read_opened(text: str, report: str = "") -> Opened:
    """The figure that an address names; `report` is the number of the report in which it was clicked.

    Raises:
        InvalidInputError: it names none, or one that cannot be asked for.
    """
    question = read_address(parse_qsl(text[:LONGEST], keep_blank_values=True))
    number = int(report) if report.isdecimal() and len(report) < 19 else 0
    return Opened(question.metrics[0], question, report_run_id=number)


def read_panel(context: Context, opened: Opened, caller: Caller) -> Panel:
    """Where the figure comes from, and, for who may see people, who is behind it.

    Raises:
        InvalidInputError: the figure cannot be asked for.
    """
    settings, workspace = context.settings, context.workspace
    lineage = of(workspace, settings, opened.question, opened.key)
    people: Sequence[dict[str, Any]] = ()
    count, there = 0, has_people(opened.key)
    if there and caller.may("people:read"):
        count, people = behind(workspace, settings, opened.question, opened.key, PAGE, (opened.page - 1) * PAGE,
                               opened.part if lineage.metric.denominator else "", opened.search)  # fmt: skip
    labels, named = desk_of(context).labels(), load().dimensions
    segment = opened.question.segment
    narrowed = [
        (named[each.dimension].name, ", ".join(value_words(each.dimension, value, labels) for value in each.values))
        for each in opened.question.filters if each.dimension in named
    ]  # fmt: skip
    narrowed += [("Members of", labels["segment"].get(segment, segment))] if segment else []
    return Panel(
        opened, lineage, shown(lineage.value, unit_of(lineage.metric), lineage.currency),
        days_words(*lineage.question.days), tuple(narrowed), people, count, there,
        report_of(context, opened.report_run_id),
    )  # fmt: skip


def report_of(context: Context, number: int) -> Made | None:
    """The report in which a figure was clicked, so that the panel leads back to it."""
    if not number:
        return None
    with context.store.read() as connection:
        try:
            return find_made(connection, number)
        except NotFoundError:
            return None


def turned(opened: Opened, name: str, text: str) -> Opened:
    """The panel after the reader turned a page, searched, or chose another part of a quotient."""
    if name == "panel-page":
        return replace(opened, page=max(1, int(text)) if text.isdecimal() and len(text) < 8 else 1)
    if name == "panel-part":
        return replace(opened, part="denominator" if text == "denominator" else "numerator", page=1)
    return replace(opened, search=text[:80], page=1)


def save_people(context: Context, opened: Opened, name: str, by: str) -> tuple[Segment, int, int]:
    """Keep the people behind a figure as a segment that does not change.

    Returns:
        The segment, how many people it is about, and how many were left out since they have no e-mail address.

    Raises:
        InvalidInputError: a bad name, nobody with an address, or more people than a segment can name.
    """
    if not name.strip():
        raise InvalidInputError("name", "is empty", "a name for the segment")
    denominator = opened.part if opened.part == "denominator" else ""
    ids = ids_behind(context.workspace, context.settings, opened.question, opened.key, denominator)
    rows = context.workspace.rows(
        "select email from people.dim_people where person_id in (select unnest(?::bigint[])) and email is not null",
        [ids],
    )
    words = f"People behind {opened.key} of {days_words(*opened.question.days)}" if opened.question.since else ""
    library = answers_of(context).library
    segment = library.create(name=name, rule=rule_from_emails([str(row["email"]) for row in rows]), by=by,
                             kind="static", description=words, note="from a figure")  # fmt: skip
    return segment, len(rows), len(ids) - len(rows)
