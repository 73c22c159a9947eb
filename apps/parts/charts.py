"""Charts as data: options for ECharts and tiny lines of our own, with colours by token name.

Belongs here: bars from zero, lines with a label at their end, bands, sparklines; at most four series.
Stays out: drawing (the browser does it, `block.js`) and the choice of what to show (`screens/`).
`"token:series-0"` in the options stands for a colour of `apps/tokens.py` in the reader's theme.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import panel
from markupsafe import Markup

from dmat.errors import NotFoundError

MOST_SERIES = 4
PLOT_HEIGHT, LABEL_HEIGHT = 150, 16
LABEL_ROOM, LABEL_WIDTH = 118, 126
"""Pixels right of lines for their names, and how wide a name may be as ECharts reckons it, which is too much."""


@dataclass(frozen=True)
class Series:
    """One named series: its points in the order of the labels, and the token of its colour."""

    name: str
    points: Sequence[float | None]
    colour: str = "series-0"
    kind: str = "bar"


def _axis(labels: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "category", "data": list(labels), "axisTick": {"show": False},
        "axisLine": {"lineStyle": {"color": "token:border"}},
        "axisLabel": {"color": "token:ink-2", "fontSize": 12, "hideOverlap": True},
    }  # fmt: skip


def _label_offsets(series: Sequence[Series]) -> dict[str, float]:
    """How far up or down each line's name must move so that no two names lie on each other (pixels)."""
    ends = {line.name: next((point for point in reversed(line.points) if point is not None), 0) for line in series}
    top = max((point or 0 for line in series for point in line.points), default=0) or 1
    heights = {name: PLOT_HEIGHT * end / top for name, end in ends.items()}
    places, floor, ceiling = {}, float("-inf"), float(PLOT_HEIGHT)
    for name in sorted(heights, key=lambda name: heights[name]):
        places[name] = floor = max(floor + LABEL_HEIGHT, heights[name])
    for name in reversed(places):  # what was pushed out at the top comes back down
        places[name] = min(places[name], ceiling)
        ceiling = places[name] - LABEL_HEIGHT
    return {name: heights[name] - place for name, place in places.items()}


def _series(series: Series, is_only: bool, offset: float = 0.0) -> dict[str, Any]:
    colour = f"token:{series.colour}"
    shared: dict[str, Any] = {"name": series.name, "type": series.kind, "data": list(series.points)}
    if series.kind == "line":
        return {
            **shared, "showSymbol": False, "symbolSize": 7, "symbol": "circle", "itemStyle": {"color": colour},
            "lineStyle": {"width": 2.25, "color": colour},
            "endLabel": {"show": True, "formatter": "{dot|●} {name|{a}}", "distance": 8,
                         "rich": {"dot": {"color": colour, "fontSize": 10},
                                  "name": {"color": "token:ink", "fontSize": 12, "fontWeight": 560}},
                         "offset": [0, round(offset, 1)], "width": LABEL_WIDTH, "overflow": "truncate"},
        }  # fmt: skip
    return {
        **shared, "barMaxWidth": 34 if is_only else 18, "barGap": "18%",
        "itemStyle": {"color": colour, "borderRadius": [4, 4, 0, 0]},
    }  # fmt: skip


def chart(labels: Sequence[str], series: Sequence[Series], summary: str, label_room: int = 16) -> dict[str, Any]:
    """Options of a chart over time.

    Args:
        labels: the names of the periods, oldest first.
        series: at most four; lines carry their name at their end, bars are named in the card's legend.
        summary: what the chart shows, in one sentence, for people who do not see it.
        label_room: pixels kept free on the right for the names of lines.
    """
    shown = list(series)[:MOST_SERIES]
    offsets = _label_offsets(shown)
    return {
        "animation": False, "aria": {"enabled": True, "label": {"description": summary}},
        "textStyle": {"fontFamily": "inherit"},
        "grid": {"left": 4, "right": label_room, "top": 14, "bottom": 6, "containLabel": True},
        "tooltip": {
            "trigger": "axis", "confine": True, "backgroundColor": "token:surface", "borderColor": "token:border",
            "textStyle": {"color": "token:ink", "fontSize": 13}, "extraCssText": "box-shadow:none",
            "axisPointer": {"type": "line", "lineStyle": {"color": "token:control", "type": "dashed"}},
        },
        "xAxis": _axis(labels),
        "yAxis": {
            "type": "value", "min": 0, "splitNumber": 4, "axisLabel": {"color": "token:ink-2", "fontSize": 12},
            "splitLine": {"lineStyle": {"color": "token:border"}},
        },
        "series": [_series(item, len(shown) == 1, offsets[item.name]) for item in shown],
    }  # fmt: skip


def band(key: str, low: Sequence[float | None], high: Sequence[float | None], colour: str) -> list[dict[str, Any]]:
    """Two more series for the options of a chart: the area between `low` and `high`, in a soft tone of a colour."""
    shared = {"type": "line", "stack": f"band-{key}", "showSymbol": False, "lineStyle": {"opacity": 0}, "silent": True,
              "tooltip": {"show": False}, "z": 1}  # fmt: skip
    width = [
        None if below is None or above is None else round(above - below, 4)
        for below, above in zip(low, high, strict=True)
    ]
    return [
        {**shared, "name": f"{key} from", "data": list(low)},
        {**shared, "name": f"{key} to", "data": width, "areaStyle": {"color": f"token:{colour}", "opacity": 0.13}},
    ]


@cache
def library() -> str:
    """The address of ECharts, as Panel brings it and our own server serves it.

    Raises:
        NotFoundError: this version of Panel brings none.
    """
    found = sorted((Path(panel.__file__).parent / "dist" / "bundled" / "echarts").glob("echarts@*/dist/echarts.min.js"))
    if not found:
        raise NotFoundError("Panel brings no ECharts")
    return f"/static/extensions/panel/bundled/echarts/{found[-1].parts[-3]}/dist/echarts.min.js"


def as_json(options: dict[str, Any]) -> str:
    """Options for a `data-chart` attribute (the template escapes it)."""
    return json.dumps(options, separators=(",", ":"))


def sparkline(points: Sequence[float | None], label: str, width: int = 0) -> Markup:
    """A tiny line with a soft area below, of as many points wide or of `width`, the newest at the right end.

    Points that are not known leave a gap: they are not 0. Empty when there are fewer than two points.
    """
    if len(points) < 2:
        return Markup("")
    top = max((float(point) for point in points if point is not None), default=0.0) or 1.0
    step = 100 / (max(len(points), width) - 1)
    start = 100 - step * (len(points) - 1)
    runs: list[list[tuple[str, str]]] = [[]]
    for index, point in enumerate(points):
        if point is None:
            runs.append([])
        else:
            runs[-1].append((f"{round(start + index * step, 2):g}", f"{round(31 - 28 * float(point) / top, 2):g}"))
    areas, lines = [], []
    for run in filter(None, runs):
        line = " L".join(f"{x} {y}" for x, y in run)
        areas.append(f"M{run[0][0]} 34 L{line} L{run[-1][0]} 34 Z")
        lines.append(f"M{line}" if len(run) > 1 else f"M{line} h0.01")  # one point alone is a dot
    return Markup(
        '<svg class="spark" viewBox="0 0 100 34" preserveAspectRatio="none" role="img" aria-label="{label}">'
        '<path class="area" d="{areas}"/><path class="line" d="{lines}"/></svg>'
    ).format(label=label, areas=" ".join(areas), lines=" ".join(lines))
