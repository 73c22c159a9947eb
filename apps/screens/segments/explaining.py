"""Why somebody is in a segment or not, clause by clause, and the SQL behind a rule, as the screens show them.

Belongs here: shaping what `dmat.segments.why` and the compiler say. Stays out: what is true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmat.segments.records import Segment
from dmat.segments.rules import Rule
from dmat.segments.why import Clause, explain

if TYPE_CHECKING:
    from apps.screens.segments.answers import Answers, Subject


@dataclass(frozen=True)
class Reason:
    """One line: how deep it stands, how it reads, whether it holds, and what is known of the person."""

    depth: int
    text: str
    holds: bool
    detail: str


@dataclass(frozen=True)
class Explanation:
    """Whether somebody is in, and why."""

    is_in: bool
    reasons: tuple[Reason, ...]
    frozen: str = ""


def explain_person(answers: Answers, subject: Subject, person_id: str) -> Explanation:
    """Why a person is in or not; a frozen segment holds whom it held when it was saved, whatever the rule says now."""
    rule = subject.rule if isinstance(subject, Segment) else subject
    others = answers.others()
    found = explain(
        answers.context.workspace, rule, answers.catalogue(), int(person_id), answers.context.now(),
        answers.context.zone, {key: each.rule for key, each in others.items()}, answers.frozen(),
    )  # fmt: skip
    reasons = tuple(_lines(found, 0))
    if isinstance(subject, Segment) and subject.kind == "static":
        is_in = int(person_id) in answers.member_ids(subject)
        return Explanation(is_in, reasons, "The segment is static: it holds whom it held when it was saved.")
    return Explanation(found.is_true, reasons)


def _lines(clause: Clause, depth: int) -> Iterator[Reason]:
    text = clause.text[:1].upper() + clause.text[1:]
    yield Reason(depth, text, clause.is_true, clause.value)
    for child in clause.children:
        yield from _lines(child, depth + 1)


def readable_sql(answers: Answers, rule: Rule) -> str:
    """The query behind a rule, with line breaks."""
    compiled = answers.compiled(rule)
    return compiled.readable or compiled.sql
