"""Published rates of others and targets, beside one's own figures.

Belongs here: reading the seed (`dbt/seeds/industry_benchmarks.csv`, which users replace by their own) and setting own
figures against it. Stays out: layout.

A published rate is a hint, not a verdict: others count other people, other times, and often machines too. Each comes
with its source, its days and what to know before comparing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from dmat.metrics.asking import Answer, Value, Warehouse, ask
from dmat.metrics.catalogue import Metric, load
from dmat.metrics.question import Filter, Question
from dmat.settings import Settings

TABLE = "seeds.industry_benchmarks"
ANY = "all"
Place = Literal["below", "within", "above", ""]
_COLUMNS = (
    "metric, channel, industry, region, kind, currency_code, low, middle, high, measured_from, measured_until,"
    " published_on, source, address, note"
)


@dataclass(frozen=True)
class Benchmark:
    """What somebody published, or wishes for.

    Attributes:
        channel, industry: `all` for any.
        kind: `benchmark` was measured, `target` is wished for.
        currency_code: of amounts; empty for others.
        low, middle, high: in the unit of the metric; at least one of them is there.
        measured_from, measured_until: the days of its data, where the source says so.
    """

    metric: Metric
    channel: str
    industry: str
    region: str
    kind: str
    currency_code: str
    low: float | None
    middle: float | None
    high: float | None
    measured_from: date | None
    measured_until: date | None
    published_on: date
    source: str
    address: str
    note: str


@dataclass(frozen=True)
class Beside:
    """One's own figure and what others have.

    Attributes:
        answer: whose total `value` is, so that the figure can be opened.
        place: where it lies against the range, else against the middle; empty where it is not known.
    """

    benchmark: Benchmark
    value: Value
    answer: Answer
    place: Place


def read_benchmarks(warehouse: Warehouse) -> list[Benchmark]:
    """All of metrics that the catalogue has, the newest of each first; none when the seed is not published."""
    if TABLE not in set(warehouse.tables()):
        return []
    order = "metric, channel, published_on desc, industry, source"
    rows = warehouse.rows(f"select {_COLUMNS} from {TABLE} order by {order}")
    known, found = load().metrics, []
    for row in rows:
        if row["metric"] in known:
            texts = {key: row[key] or "" for key in ("currency_code", "region", "address", "note")}
            found.append(Benchmark(**row | texts | {"metric": known[row["metric"]]}))
    return found


def industries(benchmarks: Sequence[Benchmark]) -> list[str]:
    """The industries that are named, without `all`."""
    return sorted({each.industry for each in benchmarks} - {ANY})


def set_beside(
    warehouse: Warehouse, settings: Settings, question: Question, benchmarks: Sequence[Benchmark]
) -> list[Beside]:
    """One's own figures beside published ones; those of amounts in another currency are left out.

    Args:
        warehouse, settings: where the figures are.
        question: its days and segment; a channel of a benchmark becomes a filter.
        benchmarks: some of `read_benchmarks`; a metric that knows no such channel or segment is left out.
    """
    found: dict[int, Beside] = {}
    for channel in dict.fromkeys(each.channel for each in benchmarks):
        only = () if channel == ANY else (Filter(dimension="channel", values=(channel,)),)
        needed = {*(each.dimension for each in only), *(("segment",) if question.segment else ())}
        fitting = [each for each in benchmarks if each.channel == channel and needed <= set(each.metric.dimensions)]
        if not fitting:
            continue
        keys = tuple(dict.fromkeys(each.metric.key for each in fitting))
        asked = question.model_copy(update={
            "metrics": keys, "filters": only, "grain": "", "dimensions": (), "compare": "", "order": "",
        })  # fmt: skip
        answer = ask(warehouse, settings, asked)
        for each in fitting:
            if each.currency_code in ("", answer.currency):
                value = answer.totals[each.metric.key]
                found[id(each)] = Beside(each, value, answer, place_of(value, each))
    return [found[id(each)] for each in benchmarks if id(each) in found]


def place_of(value: Value, benchmark: Benchmark) -> Place:
    """Where a figure lies against a range, else against the middle."""
    low = benchmark.low if benchmark.low is not None else benchmark.middle if benchmark.high is None else None
    high = benchmark.high if benchmark.high is not None else benchmark.middle if benchmark.low is None else None
    if value is None or (low is None and high is None):
        return ""
    if low is not None and value < low:
        return "below"
    return "above" if high is not None and value > high else "within"
