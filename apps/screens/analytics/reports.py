"""The report builder: measures, told apart by what, of which rows, as a table and a chart; kept under a name.

Belongs here: the report in the making, and its pieces. Stays out: keeping it (`dmat/metrics/saved.py`), sending it by
mail (`dmat/reports`), files (`files.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from apps.parts.words import sentence_case
from apps.screens.analytics.desk import AnalyticsDesk, Named
from apps.screens.analytics.looks import Look
from apps.screens.analytics.narrowing import filters_of, values_offered
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Figure, Row, Trend, trend_of
from apps.screens.analytics.splitting import split_of
from apps.screens.analytics.wording import bucket_words, shown, unit_of
from dmat.errors import InvalidInputError
from dmat.metrics.asking import Answer
from dmat.metrics.catalogue import Metric, load, metric
from dmat.metrics.naming import value_words
from dmat.metrics.opening import of_row, opens, within
from dmat.metrics.question import Question

MOST_METRICS, MOST_BY, MOST_FILTERS, MOST_ROWS, MOST_DRAWN = 8, 2, 6, 200, 10_000
GRAINS = {"": "Not by time", "hour": "By hour", "day": "By day", "week": "By week", "month": "By month"}
SUBJECTS = {"leads_and_deals": "Leads and deals", "people_dimensions": "People"}


@dataclass(frozen=True)
class Report:
    """A report in the making; its days, comparison and segment are those of the page.

    Attributes:
        asking: the dimension whose values are offered for a filter.
    """

    metrics: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    grain: str = ""
    filters: tuple[tuple[str, str], ...] = ()
    asking: str = ""

    @property
    def address(self) -> str:
        """The report as text in the page's address."""
        pairs = [
            ("metrics", ",".join(self.metrics)),
            ("by", ",".join(self.by)),
            ("grain", self.grain),
            ("ask", self.asking),
        ]
        pairs += [("filter", f"{dimension}:{value}") for dimension, value in self.filters]
        return urlencode([pair for pair in pairs if pair[1]])

    def question(self, look: Look) -> Question | None:
        """What is asked, once there is a measure."""
        if not self.metrics:
            return None
        filters = filters_of(self.filters)
        return look.question(self.metrics, grain=self.grain, by=self.by, filters=filters, limit=MOST_ROWS)


@dataclass(frozen=True)
class Builder:
    """What the builder offers, and what is chosen.

    Attributes:
        groups: measures that can be added, by subject.
        dimensions: by what all chosen measures can be told apart.
        values: what the asked dimension can be narrowed to.
    """

    report: Report
    chosen: tuple[Metric, ...]
    groups: tuple[tuple[str, tuple[Metric, ...]], ...]
    dimensions: tuple[Named, ...]
    question: Question | None
    labels: Mapping[str, dict[str, str]]
    values: tuple[Named, ...] = ()
    problem: str = ""
    kind: str = "builder"

    @property
    def filters(self) -> tuple[tuple[str, str, str], ...]:
        """Filters: dimension, value, and both in words."""
        named = load().dimensions
        return tuple((dimension, value, f"{named[dimension].name}: {value_words(dimension, value, self.labels)}")
                     for dimension, value in self.report.filters if dimension in named)  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """The answer as a table: keys of each row, then its figures."""

    title: str
    keys: tuple[str, ...]
    columns: tuple[Metric, ...]
    rows: tuple[Row, ...]
    total: tuple[Figure, ...]
    export: str
    is_cut: bool = False
    kind: str = "grid"


def read_report(text: str) -> Report:
    """A report from the page's address; what the catalogue does not know is passed over."""
    catalogue, metrics, by, grain, asking = load(), list[str](), list[str](), "", ""
    filters: list[tuple[str, str]] = []
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name == "metrics":
            metrics += [key for key in value.split(",") if key in catalogue.metrics]
        elif name == "by":
            by += [key for key in value.split(",") if key in catalogue.dimensions]
        elif name == "grain":
            grain = value if value in GRAINS else ""
        elif name == "ask":
            asking = value if value in catalogue.dimensions else ""
        elif name == "filter" and value.partition(":")[0] in catalogue.dimensions:
            filters.append((value.partition(":")[0], value.partition(":")[2][:200]))
    return Report(tuple(dict.fromkeys(metrics))[:MOST_METRICS], tuple(dict.fromkeys(by))[:MOST_BY], grain,
                  tuple(dict.fromkeys(filters))[:MOST_FILTERS], asking)  # fmt: skip


def report_of(question: Question) -> Report:
    """The report of a question that was kept."""
    filters = tuple((each.dimension, value) for each in question.filters for value in each.values)
    return Report(question.metrics, question.dimensions, question.grain, filters)


def changed(report: Report, name: str, value: Any) -> Report:
    """The report after a click; what all measures no longer share is left out."""
    text = str(value or "")[:200]
    if name == "report-metric" and text in load().metrics:
        metrics = (*report.metrics, text) if text not in report.metrics else report.metrics
        return fitting(replace(report, metrics=metrics[:MOST_METRICS]))
    if name == "report-drop":
        return replace(report, metrics=tuple(key for key in report.metrics if key != text))
    if name == "report-by" and text in load().dimensions:
        return replace(report, by=tuple(dict.fromkeys((*report.by, text)))[-MOST_BY:])
    if name == "report-drop-by":
        return replace(report, by=tuple(key for key in report.by if key != text))
    if name == "report-grain" and text in GRAINS:
        return replace(report, grain=text)
    if name == "report-filter-by":
        return fitting(replace(report, asking=text))
    if name == "report-filter" and report.asking and text:
        filters = tuple(dict.fromkeys((*report.filters, (report.asking, text[1:]))))[-MOST_FILTERS:]
        return replace(report, filters=filters, asking="")
    if name == "report-drop-filter":
        return replace(report, filters=tuple(pair for pair in report.filters if ":".join(pair) != text))
    return report


def fitting(report: Report) -> Report:
    """The report without dimensions that its measures do not share."""
    shared = load().shared_dimensions(report.metrics) if report.metrics else tuple(load().dimensions)
    return replace(report, by=tuple(key for key in report.by if key in shared),
                   filters=tuple(pair for pair in report.filters if pair[0] in shared),
                   asking=report.asking if report.asking in shared else "")  # fmt: skip


def reports(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The builder, and what comes out."""
    report = read_report(look.asked)
    problem, answer, question = "", None, None
    try:
        question = report.question(look)
        answer = desk.answer(question) if question else None
    except (InvalidInputError, ValueError) as error:
        problem = f"{error}." if isinstance(error, InvalidInputError) else "These measures know no people of a segment."
    values: tuple[Named, ...] = ()
    if report.asking and report.metrics and not problem:
        values = values_offered(desk, look.question(report.metrics[:1]), report.asking, report.filters)
    builder = builder_of(report, question, desk.labels(), values, problem)
    if answer is None:
        return [builder]
    return [builder, *filter(None, (_course(desk, look, report, answer, marks), grid_of("Report", answer)))]


def _course(desk: AnalyticsDesk, look: Look, report: Report, answer: Answer, marks: Marks) -> Trend | None:
    """Measures of one unit over time, or the first one told apart by one dimension."""
    if not report.by:
        alike = [key for key in report.metrics if metric(key).unit == metric(report.metrics[0]).unit]
        return trend_of("Over time", answer, alike, marks)
    if len(report.by) > 1 or not report.grain:
        return None
    first, filters = report.metrics[:1], filters_of(report.filters)
    whole = desk.answer(look.question(first, grain=report.grain, filters=filters, is_compared=False))
    apart = look.question(first, grain=report.grain, by=report.by, filters=filters, limit=MOST_DRAWN, is_compared=False)
    return split_of(desk.answer(apart), whole, marks)


def builder_of(
    report: Report, question: Question | None, labels: Mapping[str, dict[str, str]], values: tuple[Named, ...],
    problem: str,
) -> Builder:  # fmt: skip
    """What can be chosen next."""
    catalogue = load()
    shared = catalogue.shared_dimensions(report.metrics) if report.metrics else ()
    groups: dict[str, list[Metric]] = {}
    for each in catalogue.metrics.values():
        if each.key not in report.metrics:
            groups.setdefault(each.subject, []).append(each)
    named = tuple((SUBJECTS.get(key, sentence_case(key)), tuple(found)) for key, found in groups.items())
    dimensions = tuple(Named(key, catalogue.dimensions[key].name) for key in shared)
    chosen = tuple(catalogue.metrics[key] for key in report.metrics)
    return Builder(report, chosen, named, dimensions, question, labels, values, problem)


def grid_of(title: str, answer: Answer) -> Grid:
    """Any answer as a table whose figures open."""
    question = answer.question
    names = [column.name for column in answer.columns if column.role != "metric"]
    columns = tuple(metric(key) for key in question.metrics)
    rows = tuple(_grid_row(row, answer, columns) for row in answer.rows)
    total = tuple(_figure(one, answer.totals, answer, opens(one.key, question)) for one in columns)
    return Grid(title, tuple(names), columns, rows, total, question.address(), answer.is_cut)


def _grid_row(row: Mapping[str, Any], answer: Answer, columns: Sequence[Metric]) -> Row:
    question = answer.question
    words = [value_words(key, row[key], answer.labels) for key in question.dimensions]
    if question.grain:
        words.insert(0, bucket_words(row[question.grain], question.grain))
        question = within(question, row[question.grain])
    question, only = of_row(question, row)
    figures = tuple(_figure(one, row, answer, opens(one.key, question, only)) for one in columns)
    return Row("|".join(words), words[0] if words else "", "", figures, "|".join(words[1:]))


def _figure(one: Metric, row: Mapping[str, Any], answer: Answer, token: str) -> Figure:
    return Figure(one.key, one.name, shown(row[one.key], unit_of(one), answer.currency), row[one.key], token)
