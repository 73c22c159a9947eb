"""Everything the screen of one segment shows of one version of the data, as plain values.

Belongs here: asking once, and the chart's options. Stays out: layout (`detail.py`) and the members by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.parts.charts import Series, chart
from apps.parts.words import day as day_name
from apps.screens.segments.answers import Answers, Breakdown
from apps.screens.segments.explaining import readable_sql
from apps.screens.segments.history import Day, Move, days_ahead, read_days, read_moves
from apps.screens.segments.overlapping import SETS, Shared, Upset, upset
from dmat.segments.differences import differences
from dmat.segments.forecast import Forecast, forecast_sizes
from dmat.segments.records import Segment, Use
from dmat.segments.words import sentence

AHEAD = 14


@dataclass(frozen=True)
class VersionLine:
    """One version of the rule: who, when, why, and what changed."""

    number: int
    at: datetime
    by: str
    note: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """What the screen shows."""

    size: int
    data_as_of: datetime
    breakdown: Breakdown
    days: tuple[Day, ...]
    forecast: tuple[Any, ...]
    chart: dict[str, Any]
    summary: str
    moves: tuple[Move, ...]
    overlaps: tuple[Shared, ...]
    upset: Upset
    uses: tuple[Use, ...]
    versions: tuple[VersionLine, ...]
    sentence: str
    sql: str


def know(answers: Answers, segment: Segment) -> Known:
    """Ask everything about one segment."""
    size = answers.size(segment)
    days = read_days(answers, segment.key)
    forecast = _forecast(days)
    summary = _summary(size, days)
    overlaps, plot = overlaps_of(answers, segment)
    return Known(
        size=size, data_as_of=answers.context.workspace.version.data_as_of, breakdown=answers.breakdown(segment),
        days=days, forecast=forecast, chart=growth_chart(days, forecast, summary) if len(days) > 1 else {},
        summary=summary, moves=read_moves(answers, segment.key), overlaps=overlaps, upset=plot,
        uses=tuple(answers.library.used_by(segment.key)), versions=_versions(answers, segment),
        sentence=sentence(segment.rule, answers.catalogue()), sql=readable_sql(answers, segment.rule),
    )  # fmt: skip


def _versions(answers: Answers, segment: Segment) -> tuple[VersionLine, ...]:
    versions = list(answers.library.versions(segment.key))
    before = [*versions[1:], None]
    return tuple(
        VersionLine(each.version, each.created_at, each.created_by, each.note,
                    tuple(differences(old.rule, each.rule, answers.catalogue())) if old else ())
        for each, old in zip(versions, before, strict=True)
    )  # fmt: skip


def _summary(size: int, days: Sequence[Day]) -> str:
    if len(days) < 2:
        return f"{size:,} people."
    back = days[max(0, len(days) - 31)]
    moved = days[-1].size - back.size
    word = "as many as" if moved == 0 else f"{abs(moved):,} {'more' if moved > 0 else 'fewer'} than"
    return f"{days[-1].size:,} people, {word} on {day_name(back.day)}."


def growth_chart(days: Sequence[Day], forecast: Sequence[Any], summary: str) -> dict[str, Any]:
    """Options of the line of sizes, with the band of the forecast behind it."""
    ahead = days_ahead(days[-1].day, len(forecast))
    labels = [day_name(each.day) for each in days] + [day_name(each) for each in ahead]
    gap: list[float | None] = [None] * (len(days) - 1)
    sizes: list[float | None] = [each.size for each in days]
    last = days[-1].size
    options = chart(labels, [Series("People", sizes + [None] * len(forecast), "series-0", "line")], summary, label_room=24)
    options["series"][0]["endLabel"] = {"show": False}
    options["series"][0]["areaStyle"] = {"color": "token:series-0", "opacity": 0.08}
    if forecast:
        expected = [*gap, last, *(round(each.expected) for each in forecast)]
        low = [*gap, last, *(round(each.low) for each in forecast)]
        width = [*gap, 0, *(round(each.high) - round(each.low) for each in forecast)]
        options["series"] += [_line("Expected", expected), *_band(low, width)]
    options["yAxis"].pop("min", None)
    options["yAxis"]["scale"] = min(each.size for each in days) > 0.5 * max(each.size for each in days)
    return options


def _line(name: str, points: Sequence[float | None]) -> dict[str, Any]:
    return {"name": name, "type": "line", "data": list(points), "showSymbol": False, "symbol": "circle",
            "itemStyle": {"color": "token:series-0"},
            "lineStyle": {"width": 2, "type": "dashed", "color": "token:series-0"}}  # fmt: skip


def _band(low: Sequence[float | None], width: Sequence[float | None]) -> list[dict[str, Any]]:
    shared = {"type": "line", "stack": "band", "showSymbol": False, "lineStyle": {"opacity": 0}, "silent": True,
              "tooltip": {"show": False}}  # fmt: skip
    return [
        {**shared, "name": "Lowest", "data": list(low)},
        {**shared, "name": "Highest", "data": list(width), "areaStyle": {"color": "token:series-0", "opacity": 0.14}},
    ]


def overlaps_of(answers: Answers, segment: Segment) -> tuple[tuple[Shared, ...], Upset]:
    """The segments that share the most people with one, and the combinations among the largest of them."""
    others = [each for each in answers.library.list() if each.key != segment.key]
    shared = [Shared(each.key, each.name, answers.size(each), answers.shared(segment, each)) for each in others]
    listed = tuple(sorted((each for each in shared if each.shared), key=lambda each: -each.shared)[: 2 * SETS])
    keys = [segment.key, *(each.key for each in listed[: SETS - 1])]
    names = {segment.key: (segment.name, answers.size(segment)), **{each.key: (each.name, each.size) for each in listed}}
    combinations = answers.combinations(keys) if listed else {}
    return listed, upset([(key, *names[key]) for key in keys], combinations)


def _forecast(days: Sequence[Day]) -> tuple[Forecast, ...]:
    return tuple(forecast_sizes([each.size for each in days], AHEAD))
