"""Making a report: its questions are answered over one published version, and the figures are kept.

Belongs here: from a report to figures with where they come from; keeping and reading what was made. Stays out: files
(`pdf.py`, `sheets.py`), mails (`mailing.py`), when (`running.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.alerts.findings import said
from dmat.errors import NotFoundError
from dmat.insights.finding import Insight, find_insights
from dmat.insights.words import sentence
from dmat.metrics.asking import Answer, Warehouse, ask
from dmat.metrics.catalogue import SEGMENT, load
from dmat.metrics.naming import value_words as named_value
from dmat.metrics.periods import read_bucket, today_in
from dmat.metrics.question import Filter
from dmat.reports.library import version_of
from dmat.reports.plan import Report, Section
from dmat.settings import Settings
from dmat.store.alert_tables import report_runs
from dmat.store.engine import Store, rows_of

MOST_WATCHED, MOST_INSIGHTS = 10, 5
Figures = dict[str, Any]
_RUNS = """
    select distinct run_id from raw.capture_outcomes
    where finished_at >= (select max(finished_at) from raw.capture_outcomes) - interval 1 day
    order by run_id
"""


@dataclass(frozen=True)
class Made:
    """A report that was made.

    Attributes:
        since, until: its days, `until` exclusive.
        figures: `insights` (sentences), `moves` (the address of the question behind each of them), `sections`: each
            with title, chart, columns (key, name, role, unit), rows of values, labels, totals, compared (totals and
            changes), address of its question.
        run_ids: the runs that captured what it rests on.
        occurrence: empty when somebody asked for it, else the moment of its schedule.
    """

    report_run_id: int
    report_key: str
    report_version: int
    title: str
    since: date
    until: date
    data_version: int
    as_of: datetime
    run_ids: tuple[str, ...]
    figures: Figures
    occurrence: str
    made_at: datetime
    made_by: str
    told: tuple[str, ...]


def answer_report(
    warehouse: Warehouse, settings: Settings, report: Report, now: datetime
) -> tuple[list[Answer], Figures]:
    """Answer every question of a report.

    Args:
        warehouse, settings: where the figures are.
        now: its period is counted from the day of this moment.

    Raises:
        InvalidInputError: a metric, dimension or segment is no longer there; names the field.
    """
    today = today_in(settings.workspace_time_zone, now)
    answers = []
    for section in report.sections:
        more = {"compare": report.compare, "segment": report.segment_of(section)}
        answers.append(ask(warehouse, settings, section.question(report.period, **more).dated(today)))
    sections = [figures_of(section, answer) for section, answer in zip(report.sections, answers, strict=True)]
    moves = _insights(warehouse, settings, report, answers[0])
    figures = {"insights": [sentence(each) for each in moves], "moves": [each.question.address() for each in moves]}
    return answers, figures | {"sections": sections}


def _insights(warehouse: Warehouse, settings: Settings, report: Report, first: Answer) -> list[Insight]:
    metrics, filters = _watched(report)
    if not report.compare or not metrics:
        return []
    since, until = first.question.days
    question = first.question.model_copy(
        update={"metrics": metrics, "dimensions": (), "grain": "", "filters": filters, "segment": report.segment,
                "since": since, "until": until, "compare": report.compare, "order": ""}
    )  # fmt: skip
    return find_insights(warehouse, settings, question, most=MOST_INSIGHTS)


def _watched(report: Report) -> tuple[tuple[str, ...], tuple[Filter, ...]]:
    """The metrics whose moves are told, and the filters under which the report shows them.

    A report whose sections are all of one part is told of that part; of others only what is shown of everything.
    """
    alike = {section.filters for section in report.sections}
    filters = next(iter(alike)) if len(alike) == 1 else ()
    shown = dict.fromkeys(key for each in report.sections if each.filters == filters for key in each.metrics)
    one = {each.dimension for each in filters if len(each.values) == 1}
    catalogue = load().metrics
    alone = (key for key in shown if key in catalogue and set(catalogue[key].needs) <= one)  # others repeat
    people = (key for key in alone if not report.segment or SEGMENT in catalogue[key].dimensions)
    return tuple(people)[:MOST_WATCHED], filters


def figures_of(section: Section, answer: Answer) -> Figures:
    """The figures of a section as they are kept: JSON, with all that its files need."""
    compared = answer.compared
    return {
        "title": section.title, "chart": section.chart, "is_key_figures": section.is_key_figures,
        "columns": [vars_of(column) for column in answer.columns],
        "rows": [[_plain(row[column.key]) for column in answer.columns] for row in answer.rows],
        "labels": answer.labels, "totals": dict(answer.totals), "currency": answer.currency,
        "before": dict(compared.totals) if compared else {}, "changes": dict(compared.changes) if compared else {},
        "before_days": [compared.since.isoformat(), compared.until.isoformat()] if compared else [],
        "missing": list(answer.missing), "is_cut": answer.is_cut, "address": answer.question.address(),
        "definitions": [[load().metrics[key].name, load().metrics[key].formula] for key in section.metrics],
    }  # fmt: skip


def vars_of(column: Any) -> dict[str, str]:
    """A column of an answer as a dictionary."""
    return {"key": column.key, "name": column.name, "role": column.role, "unit": column.unit}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def make_report(
    settings: Settings, store: Store, warehouse: Warehouse, report: Report, by: str, occurrence: str = ""
) -> Made:
    """Make a report and keep it.

    Raises:
        InvalidInputError: a metric, dimension or segment is no longer there; names the field.
        NotPublishedError: nothing has been published yet.
    """
    now = settings.clock.now()
    answers, figures = answer_report(warehouse, settings, report, now)
    since, until = answers[0].question.days
    row = {
        "report_key": report.key, "report_version": version_of(store, report.key), "title": report.name,
        "since": since, "until": until, "data_version": answers[0].data_version, "as_of": answers[0].as_of,
        "run_ids": runs_behind(warehouse), "figures": figures, "occurrence": occurrence, "made_at": now,
        "made_by": by, "told": [],
    }  # fmt: skip
    with store.write() as connection:
        statement = sa.insert(report_runs).values(row).returning(report_runs.c.report_run_id)
        number = int(connection.execute(statement).scalar_one())
        return find_made(connection, number)


def runs_behind(warehouse: Warehouse) -> list[str]:
    """The runs that captured the newest day of data, at most fifty."""
    if "raw.capture_outcomes" not in warehouse.tables():
        return []
    return [str(row["run_id"]) for row in warehouse.rows(_RUNS)][:50]


def find_made(connection: Connection, report_run_id: int) -> Made:
    """A report that was made.

    Raises:
        NotFoundError: there is none of this number.
    """
    query = sa.select(report_runs).where(report_runs.c.report_run_id == report_run_id)
    found = [_made(row) for row in rows_of(connection, query)]
    if not found:
        raise NotFoundError(f"no report has the number {report_run_id}")
    return found[0]


def read_made(store: Store, key: str = "", limit: int = 50) -> list[Made]:
    """What was made, the newest first."""
    table = report_runs.c
    query = sa.select(report_runs).order_by(table.made_at.desc(), table.report_run_id.desc()).limit(limit)
    with store.read() as connection:
        return [_made(row) for row in rows_of(connection, query.where(table.report_key == key) if key else query)]


def _made(row: Mapping[str, Any]) -> Made:
    return Made(**{**row, "run_ids": tuple(row["run_ids"]), "told": tuple(row["told"])})


def value_words(value: Any, column: Mapping[str, str], section: Figures) -> str:
    """A value of a section in words."""
    if column["role"] == "dimension":
        return named_value(column["key"], None if value is None else str(value), section["labels"])
    if value is None:
        return "\u2013"
    if column["role"] == "grain":
        return date_words(str(value), column["key"])
    return said(value, column["unit"], section["currency"] if column["unit"] == "cents" else "")


def date_words(value: str, grain: str) -> str:
    """`3 Mar, 14:00`, `3 Mar`, `week of 2 Mar`, `March 2026`."""
    day = read_bucket(value)
    if grain == "hour":
        return f"{day.day} {day:%b, %H:%M}"
    if grain == "month":
        return f"{day:%B %Y}"
    return f"{'week of ' if grain == 'week' else ''}{day.day} {day:%b}"


def change_words(change: float | None) -> str:
    """`+12%`, `−3%`, empty when it is not known."""
    if change is None:
        return ""
    return f"{'+' if change > 0 else chr(0x2212) if change < 0 else ''}{abs(change) * 100:.0f}%"


def days_words(since: date, until: date) -> str:
    """`1 to 31 March 2026`."""
    last = date.fromordinal(until.toordinal() - 1)
    if since == last:
        return f"{since.day} {since:%B %Y}"
    if (since.year, since.month) == (last.year, last.month):
        return f"{since.day} to {last.day} {last:%B %Y}"
    return f"{since.day} {since:%b %Y} to {last.day} {last:%b %Y}"


def metric_columns(section: Figures) -> Sequence[Mapping[str, str]]:
    """The columns of a section that are figures."""
    return [column for column in section["columns"] if column["role"] == "metric"]
