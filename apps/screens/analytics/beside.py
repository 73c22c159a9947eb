"""Own figures beside published ones: what others have, where it was read, and how old it is.

Belongs here: these pieces. Stays out: reading and comparing (`dmat/metrics/benchmarks.py`), layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.parts.channels import channel_name
from apps.parts.words import sentence_case
from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.funnel import Chooser
from apps.screens.analytics.looks import Look
from apps.screens.analytics.pieces import Figure
from apps.screens.analytics.wording import shown, unit_of
from dmat.metrics.benchmarks import ANY, Benchmark, Beside, industries, read_benchmarks, set_beside
from dmat.metrics.opening import opens

KINDS = {"benchmark": "Published", "target": "Target"}
PLACES = {"below": "Below", "within": "Within", "above": "Above", "": ""}
TONES = {("below", "higher"): "warning", ("above", "higher"): "success",
         ("below", "lower"): "success", ("above", "lower"): "warning"}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One published figure and one's own; `age` tells of which days it is, or when it was published."""

    name: str
    about: str
    own: Figure
    others: str
    place: str
    tone: str
    source: str
    address: str
    age: str
    note: str


@dataclass(frozen=True)
class OthersTable:
    """Own figures beside those of others."""

    rows: tuple[Line, ...]
    kind: str = "others"


def others(desk: AnalyticsDesk, look: Look) -> list[Any]:
    """The table, and the choice of an industry where there are several."""
    version = desk.context.version()
    known = read_benchmarks(desk.context.workspace) if version else []
    named = industries(known)
    industry = look.by if look.by in named else ANY
    chosen = [each for each in known if each.industry == industry or each.kind == "target"]
    metrics = dict.fromkeys(each.metric.key for each in chosen)
    asked_for = desk.told_apart(metrics, *(("segment",) if look.segment else ()))
    if not asked_for:
        return []
    question = look.question(asked_for, is_compared=False).dated(desk.today)
    key = ("others", version.number if version else 0, desk.today, industry, question.address())
    context = desk.context
    found = desk.memory.get(key, lambda: set_beside(context.workspace, context.settings, question, chosen))
    table = OthersTable(tuple(_line(each) for each in found if each.value is not None))
    options = ((ANY, "All"), *((each, sentence_case(each)) for each in named))
    return [Chooser("Industry", options, industry), table] if table.rows else []


def _line(each: Beside) -> Line:
    one, metric = each.benchmark, each.benchmark.metric
    text = shown(each.value, unit_of(metric), each.answer.currency)
    own = Figure(metric.key, metric.name, text, each.value, opens(metric.key, each.answer.question))
    about = " · ".join(filter(None, (channel_name(one.channel) if one.channel != ANY else "", one.region)))
    address = one.address if one.address.startswith(("https://", "http://")) else ""
    return Line(
        metric.name, about, own, range_words(one), PLACES[each.place], TONES.get((each.place, metric.better), ""),
        f"{KINDS.get(one.kind, one.kind)}: {one.source}", address, age_words(one), one.note,
    )  # fmt: skip


def range_words(one: Benchmark) -> str:
    """3.8% to 10.7%, middle 6.2%."""
    low, middle, high = (
        shown(value, unit_of(one.metric), one.currency_code) if value is not None else ""
        for value in (one.low, one.middle, one.high)
    )
    span = f"{low} to {high}" if low and high else f"from {low}" if low else f"up to {high}" if high else ""
    return f"{span}, middle {middle}" if span and middle else span or middle


def age_words(one: Benchmark) -> str:
    """Of which days the figures are; else when they were published."""
    since, until = one.measured_from, one.measured_until
    if since and until:
        return f"{since:%b %Y} to {until:%b %Y}"
    return f"as of {until:%b %Y}" if until else f"published {one.published_on:%b %Y}"
