"""A report that was made as a PDF: A4, tagged for screen readers (PDF/UA-1), readable in print and in grey.

Belongs here: the page. Stays out: figures (`making.py`), charts (`charts.py`). Set by Typst within this process; all
text of users is passed as data, never as markup.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import typst

from dmat.metrics.asking import Answer
from dmat.reports.charts import chart_of
from dmat.reports.making import Figures, Made, change_words, days_words, figures_of, metric_columns, value_words
from dmat.reports.plan import Chart, Section
from dmat.reports.tracing import path_of_total, path_to_look, paths_of_row, told_moves
from dmat.settings import Settings

PAGE = Path(__file__).parent / "page.typ"
MOST_ROWS_OF_AN_ANSWER = 500


def as_pdf(settings: Settings, made: Made) -> bytes:
    """The report as a PDF; the same report gives the same bytes."""
    with tempfile.TemporaryDirectory(prefix="dmat-report-") as folder:
        root = Path(folder)
        (root / "page.typ").write_text(PAGE.read_text())
        (root / "data.json").write_text(json.dumps(_document(settings, made, root)))
        compiler = typst.Compiler(input=str(root / "page.typ"), root=str(root), ignore_system_fonts=True)
        found = compiler.compile(format="pdf", pdf_standards="ua-1", timestamp=made.made_at.replace(tzinfo=UTC))
    if not isinstance(found, bytes):
        raise TypeError("typst gave several files for one PDF")
    return found


def _document(settings: Settings, made: Made, root: Path) -> dict[str, Any]:
    sections = made.figures["sections"]
    base = settings.resolved_screens_url
    definitions = dict(tuple(pair) for section in sections for pair in section["definitions"])
    return {
        "title": made.title, "workspace": settings.workspace_name, "days": days_words(made.since, made.until),
        "insights": [[words, _whole(base, path)] for words, path in told_moves(made.figures)],
        "sections": [_section(section, root, number, base, made.report_run_id)
                     for number, section in enumerate(sections)],
        "definitions": [[name, words] for name, words in sorted(definitions.items())],
        "foot": f"Made on {made.made_at:%d %B %Y, %H:%M} UTC",
        "origin": (
            f"Data as of {made.as_of:%d %B %Y, %H:%M} UTC, version {made.data_version} of the tables. "
            f"Days are those of {settings.workspace_time_zone}."
            + (f" Report {made.report_key}, number {made.report_run_id}." if made.report_run_id else "")
        ),
        "runs": list(made.run_ids),
        "link": f"{base}/reports?made={made.report_run_id}" if made.report_run_id else "",
    }  # fmt: skip


def _section(section: Figures, root: Path, number: int, base: str, run: int) -> dict[str, Any]:
    drawn = chart_of(section)
    if drawn:
        (root / f"chart{number}.svg").write_text(drawn[0])
    return {
        "title": section["title"], "tiles": _tiles(section, base, run) if section["is_key_figures"] else [],
        "chart": f"chart{number}.svg" if drawn else "", "alt": drawn[1] if drawn else "",
        "head": [] if section["is_key_figures"] else [column["name"] for column in section["columns"]],
        "numeric": [column["role"] == "metric" for column in section["columns"]],
        "rows": [] if section["is_key_figures"] else _rows(section, base, run),
        "empty": not section["is_key_figures"] and not section["rows"],
        "note": _note(section),
        "link": _whole(base, path_to_look(section["address"])),
    }  # fmt: skip


def _tiles(section: Figures, base: str, run: int) -> list[list[str]]:
    """Name, value, change and the way to where it comes from, for each figure."""
    return [
        [column["name"], value_words(section["totals"][column["key"]], column, section),
         change_words(section["changes"].get(column["key"])),
         _whole(base, path_of_total(section, column["key"], run))]
        for column in metric_columns(section)
    ]  # fmt: skip


def _whole(base: str, path: str) -> str:
    return f"{base}{path}" if path else ""


def _is_drawn_only(section: Figures) -> bool:
    """Whether a line over days stands for its table: thirty rows of days are read by nobody on paper."""
    return section["chart"] == "line" and section["columns"][0]["key"] == "day" and bool(section["rows"])


def _rows(section: Figures, base: str, run: int) -> list[list[list[str]]]:
    """Words of each value, and the way to where it comes from."""
    if _is_drawn_only(section):
        return []
    return [
        [[value_words(value, column, section), _whole(base, path)]
         for value, column, path in zip(row, section["columns"], paths_of_row(section, row, run), strict=True)]
        for row in section["rows"]
    ]  # fmt: skip


def _note(section: Figures) -> str:
    parts = []
    if section["is_key_figures"] and any(change is not None for change in section["changes"].values()):
        since, until = (date.fromisoformat(day) for day in section["before_days"])
        parts.append(f"Changes are against {days_words(since, until)}.")
    if _is_drawn_only(section):
        parts.append("The value of each day is in the files for spreadsheets.")
    if section["is_cut"]:
        parts.append("There are more rows; the largest are shown.")
    if section["missing"]:
        parts.append(f"Not built yet: {', '.join(section['missing'])}.")
    return " ".join(parts)


def answer_as_pdf(
    settings: Settings, answer: Answer, title: str, now: datetime, chart: Chart = "", run_ids: Sequence[str] = ()
) -> bytes:
    """One answer as a PDF: its totals, its rows, a chart where one fits, and where it comes from.

    Args:
        settings: of the workspace.
        answer: the question, answered.
        title: over the page.
        now: when it is made.
        chart: `line` or `bar`; one that does not fit is left out.
        run_ids: the runs that captured what it rests on.
    """
    asked = answer.question
    fits = (chart == "line" and asked.grain) or (chart == "bar" and (asked.grain or asked.dimensions))
    shape = {"metrics": asked.metrics, "grain": asked.grain, "dimensions": asked.dimensions[:2]}
    section = Section(title="Figures", chart=chart if fits else "", **shape)
    parts = [figures_of(section, answer)]
    if len(parts[0]["rows"]) > MOST_ROWS_OF_AN_ANSWER:
        parts[0] |= {"rows": parts[0]["rows"][:MOST_ROWS_OF_AN_ANSWER], "is_cut": True}
    if not section.is_key_figures:
        parts.insert(0, {**parts[0], "title": "Over all", "is_key_figures": True, "rows": [], "chart": ""})
    since, until = asked.days
    made = Made(
        report_run_id=0, report_key="question", report_version=0, title=title, since=since, until=until,
        data_version=answer.data_version, as_of=answer.as_of, run_ids=tuple(run_ids), occurrence="", made_at=now,
        made_by="", figures={"insights": [], "sections": parts}, told=(),
    )  # fmt: skip
    return as_pdf(settings, made)
