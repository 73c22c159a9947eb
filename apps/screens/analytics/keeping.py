"""What readers write: reports under a name, notes on days.

Belongs here: from what was typed to the store, and the look that follows. Stays out: rules of both
(`dmat/metrics/saved.py`, `dmat/metrics/annotations.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.looks import CUSTOM, Look
from apps.screens.analytics.reports import read_report, report_of
from dmat.errors import InvalidInputError
from dmat.keys import key_of
from dmat.metrics import annotations, saved
from dmat.metrics.annotations import Annotation
from dmat.metrics.catalogue import metric
from dmat.metrics.question import Question
from dmat.reports.library import save_report as save_plan
from dmat.store.users import User

Kept = tuple[Look, str]


def _fields(value: Any) -> Mapping[str, str]:
    return {str(name): str(text)[:2000] for name, text in value.items()} if isinstance(value, dict) else {}


def _number(value: Any) -> int:
    text = str(value or "")
    return int(text) if text.isdecimal() and len(text) < 18 else 0


def save_report(desk: AnalyticsDesk, look: Look, value: Any, user: User) -> Kept:
    """Keep the report in the making under a new name, or its changes under the old one.

    Raises:
        InvalidInputError: no measure or a bad name. ConflictError: the name is taken, or it was changed meanwhile.
    """
    fields, context = _fields(value), desk.context
    question = read_report(look.asked).question(look)
    if question is None:
        raise InvalidInputError("metrics", "none is chosen", "at least one measure")
    given: dict[str, Any] = {"is_shared": fields.get("is_shared") == "on", "words": fields.get("words", "")}
    number = _number(look.saved)
    if number and fields.get("as") == "changes":
        found = saved.get(context.store, number, user.email)
        kept = saved.change(context.store, number, user.email, context.now(), found.revision, question=question,
                            name=fields.get("name", ""), is_admin=user.role == "admin", **given)  # fmt: skip
    else:
        kept = saved.save(context.store, question, fields.get("name", ""), user.email, context.now(), **given)
    return look.but(saved=str(kept.question_id)), f"{kept.name} is saved."


def open_report(desk: AnalyticsDesk, look: Look, value: Any, user: User) -> Kept:
    """Open a report that was kept, with its own days, comparison and segment.

    Raises:
        NotFoundError: there is none that one can see.
    """
    found = saved.get(desk.context.store, _number(value), user.email)
    question = found.question
    period: dict[str, Any] = {"period": question.period, "since": None, "until": None}
    if not question.period:
        period = {"period": CUSTOM, "since": question.since, "until": question.until}
    return look.but(view="reports", asked=report_of(question).address, saved=str(found.question_id),
                    compare=question.compare, segment=question.segment, **period), ""  # fmt: skip


def schedule_report(desk: AnalyticsDesk, look: Look, value: Any, user: User) -> Kept:
    """Make a saved report one of those that are made by a schedule and sent.

    Raises:
        NotFoundError: it is not saved. InvalidInputError: its days do not move with today.
        ConflictError: another report has its name.
    """
    found = saved.get(desk.context.store, _number(look.saved), user.email)
    question, settings = found.question, desk.context.settings
    if not question.period:
        raise InvalidInputError("days", "are the same every time", "a period that moves with today, such as last week")
    key = key_of(found.name) or f"question-{found.question_id}"
    document = {"key": key, "name": found.name[:120], "words": found.words[:500], "period": question.period,
                "compare": question.compare, "segment": question.segment,
                "sections": sections_of(question, found.name)}  # fmt: skip
    save_plan(desk.context.store, settings, document, user.email, is_new=True)
    return look, f"{found.name} is among the reports now. Say there when it is made and who gets it."


def sections_of(question: Question, title: str) -> list[dict[str, Any]]:
    """The sections of a report that asks one question: its key figures, and its rows with a chart."""
    shared: dict[str, Any] = {"metrics": question.metrics, "filters": [each.model_dump() for each in question.filters]}
    filtered = {each.dimension for each in question.filters if len(each.values) == 1}
    add_up = all(need in filtered for key in question.metrics for need in metric(key).needs)
    sections = [{"title": "Key figures", **shared}] if add_up else []
    if question.grain or question.dimensions:
        chart = "line" if question.grain else "bar"
        sections.append({"title": title[:120], **shared, "grain": question.grain, "chart": chart,
                         "dimensions": question.dimensions[:2], "limit": min(question.limit, 50)})  # fmt: skip
    return sections


def new_report(desk: AnalyticsDesk, look: Look, value: Any, user: User) -> Kept:
    """Begin anew."""
    return look.but(asked="", saved=""), ""


def drop_report(desk: AnalyticsDesk, look: Look, value: Any, user: User) -> Kept:
    """Delete a report; what it asked stays on the page, so that it can be saved again.

    Raises:
        NotFoundError: there is none. NotPermittedError: it is somebody else's.
    """
    context = desk.context
    gone = saved.delete(context.store, _number(value), user.email, context.now(), user.role == "admin")
    return look.but(saved="", asked=report_of(gone.question).address), f"{gone.name} is deleted; save it to undo that."


def add_note(desk: AnalyticsDesk, look: Look, value: Any, user: User) -> Kept:
    """Write a note on a day; on the page of a campaign it is about that campaign.

    Raises:
        InvalidInputError: no day or no words.
    """
    fields, context = _fields(value), desk.context
    try:
        day = date.fromisoformat(fields.get("day", ""))
    except ValueError:
        raise InvalidInputError("day", "is no day", "a day such as 2026-11-20") from None
    subject = f"campaign:{look.campaign}" if look.campaign else ""
    annotations.annotate(context.store, day, fields.get("words", ""), user.email, context.now(), subject=subject)
    since, until = look.days(desk.today)
    return look, "" if since <= day < until else "The note is kept; its day is not among the days that are shown."


def drop_note(desk: AnalyticsDesk, look: Look, value: Any, user: User) -> Kept:
    """Take a note back.

    Raises:
        NotFoundError: there is none. NotPermittedError: somebody else wrote it.
    """
    context = desk.context
    gone: Annotation = annotations.take_back(
        context.store, _number(value), user.email, context.now(), user.role == "admin"
    )
    return look, f"The note “{gone.words}” is gone."


KEEPS: dict[str, Callable[[AnalyticsDesk, Look, Any, User], Kept]] = {
    "save-report": save_report, "open-report": open_report, "new-report": new_report, "drop-report": drop_report,
    "schedule-report": schedule_report, "add-note": add_note, "drop-note": drop_note,
}  # fmt: skip
