"""Everything the screen of one segment shows of one version of the data, as plain values.

Belongs here: asking once, and the chart's options. Stays out: layout (`detail.py`) and the members by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from apps.parts.charts import Series, chart
from apps.parts.words import day as day_name
from apps.screens.segments.answers import Answers, Breakdown, breakdown_of
from apps.screens.segments.explaining import readable_sql
from apps.screens.segments.history import Day, Move, read_days, read_moves
from apps.screens.segments.overlapping import SETS, Shared, Upset, upset
from dmat.segments.answer_shapes import Overlap
from dmat.segments.differences import differences
from dmat.segments.forecast import Expected, Forecast, forecast_size
from dmat.segments.records import Segment, Use
from dmat.segments.words import sentence

AHEAD, MOST, LISTED = 14, 59, 12


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
    forecast: Forecast
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
    found = answers.preview(segment)
    size = found.count
    days = read_days(answers, segment.key)
    forecast = _forecast(answers, segment.key, days, found.everybody)
    summary = _summary(size, days)
    overlaps, plot = overlaps_of(answers, segment)
    return Known(
        size=size, data_as_of=found.data_as_of, breakdown=breakdown_of(found),
        days=days, forecast=forecast, chart=growth_chart(days, forecast.days, summary) if len(days) > 1 else {},
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


def growth_chart(days: Sequence[Day], forecast: Sequence[Expected], summary: str) -> dict[str, Any]:
    """Options of the line of sizes, with the band of the forecast behind it."""
    ahead = [each.day for each in forecast]
    labels = [day_name(each.day) for each in days] + [day_name(each) for each in ahead]
    gap: list[float | None] = [None] * (len(days) - 1)
    sizes: list[float | None] = [each.size for each in days]
    last = days[-1].size
    options = chart(
        labels, [Series("People", sizes + [None] * len(forecast), "series-0", "line")], summary, label_room=24
    )
    options["series"][0]["endLabel"] = {"show": False}
    options["series"][0]["areaStyle"] = {"color": "token:series-0", "opacity": 0.08}
    if forecast:
        expected = [*gap, last, *(round(each.size) for each in forecast)]
        low = [*gap, last, *(round(each.low) for each in forecast)]
        width = [*gap, 0, *(round(each.high) - round(each.low) for each in forecast)]
        options["series"] += [_line("Expected", expected), *_band(low, width)]
    options["yAxis"]["minInterval"] = 1
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
    others = [each for each in answers.others().values() if each.key != segment.key][:MOST]
    if not others:
        return (), upset([], {})
    found = answers.overlap([segment, *others])
    names = {each.key: each.name for each in (segment, *others)}
    shared = [
        Shared(each.key, each.name, found.sizes[each.key], _common(found, segment.key, each.key)) for each in others
    ]
    listed = tuple(sorted((each for each in shared if each.shared), key=lambda each: (-each.shared, each.name)))
    drawn = [segment, *(answers.others()[each.key] for each in listed[: SETS - 1])]
    few = answers.overlap(drawn)
    sets = [(each.key, names[each.key], few.sizes[each.key]) for each in drawn]
    return listed[:LISTED], upset(sets, {frozenset(each.keys): each.count for each in few.intersections})


def _common(found: Overlap, one: str, other: str) -> int:
    return found.pairs.get((one, other), found.pairs.get((other, one), 0))


def _forecast(answers: Answers, key: str, days: Sequence[Day], everybody: int) -> Forecast:
    """What to expect; asked once for each day, because fitting takes a second."""
    if not days:
        return Forecast("none")
    table = pd.DataFrame({"day": [each.day for each in days], "members_count": [each.size for each in days]})
    about = ("forecast", key, days[-1])
    return answers.memory.get(about, lambda: forecast_size(table, days=AHEAD, everybody=everybody))
