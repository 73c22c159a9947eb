"""Charts of a report as SVG, for print.

Belongs here: lines over time and bars, at most four series, told apart also in grey (by dashes and labels at their
ends). Stays out: where they stand on the page (`pdf.py`). Drawn by Vega-Lite within this process; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import vl_convert

from dmat.reports.making import Figures, metric_columns, value_words

WIDTH, LINE_HEIGHT, BAR_HEIGHT = 480, 150, 22
COLOURS = ("#2B4ACB", "#D9651C", "#22A57E", "#A77EC8")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])
MOST_SERIES, MOST_BARS = 4, 12
FONT = "Libertinus Serif"
INK, INK_2, GRID = "#15202E", "#4F5B6B", "#E3E6EB"


def chart_of(section: Figures) -> tuple[str, str] | None:
    """The chart of a section as SVG, and what it shows in words; None without rows or without a chart.

    Only metrics with the unit of the first one are drawn: one axis has one unit.
    """
    if not section["chart"] or not section["rows"]:
        return None
    columns = metric_columns(section)
    drawn = [column for column in columns if column["unit"] == columns[0]["unit"]][:MOST_SERIES]
    spec = _lines(section, drawn) if section["chart"] == "line" else _bars(section, drawn[0])
    if not spec["data"]["values"]:
        return None
    names = ", ".join(column["name"] for column in (drawn if section["chart"] == "line" else drawn[:1]))
    by = next((column for column in section["columns"] if column["role"] != "metric"), None)
    words = f"{names} by {by['name'].lower()}" if by else names
    return vl_convert.vegalite_to_svg({**spec, "config": _look()}, vl_version="5.20"), words


def _points(section: Figures, column: Mapping[str, str]) -> Sequence[tuple[list[Any], float]]:
    place = [each["key"] for each in section["columns"]].index(column["key"])
    scale = 100.0 if column["unit"] in ("cents", "rate") else 1.0
    of_cents = column["unit"] == "cents"
    return [(row, row[place] / scale if of_cents else row[place] * scale if column["unit"] == "rate" else row[place])
            for row in section["rows"] if row[place] is not None]  # fmt: skip


def _lines(section: Figures, drawn: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    grain = section["columns"][0]
    others = [column for column in section["columns"] if column["role"] == "dimension"]
    values = []
    for column in drawn[: 1 if others else MOST_SERIES]:
        for row, value in _points(section, column):
            series = value_words(row[1], others[0], section) if others else column["name"]
            values.append({"at": row[0], "value": value, "series": series})
    largest = _largest_series(values)
    values = [each for each in values if each["series"] in largest]
    colour = {"field": "series", "type": "nominal", "legend": None, "sort": largest,
              "scale": {"domain": largest, "range": list(COLOURS[: len(largest)])}}  # fmt: skip
    dash = {"field": "series", "type": "nominal", "legend": None,
            "scale": {"domain": largest, "range": list(DASHES[: len(largest)])}}  # fmt: skip
    over = {"x": {"field": "at", "type": "temporal", "title": None,
                  "axis": {"format": _date_format(grain["key"]), "tickCount": 6}},
            "y": {"field": "value", "type": "quantitative", "title": _axis_title(drawn[0], section)}}  # fmt: skip
    last = {"transform": [{"window": [{"op": "row_number", "as": "place"}], "groupby": ["series"],
                           "sort": [{"field": "at", "order": "descending"}]}, {"filter": "datum.place == 1"}],
            "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 11},
            "encoding": {**over, "text": {"field": "series"}, "color": colour}}  # fmt: skip
    layers = [{"mark": {"type": "line", "strokeWidth": 1.8}, "encoding": {**over, "color": colour, "strokeDash": dash}}]
    return {"width": WIDTH - (90 if len(largest) > 1 else 0), "height": LINE_HEIGHT, "data": {"values": values},
            "layer": [*layers, *([last] if len(largest) > 1 else [])]}  # fmt: skip


def _largest_series(values: Sequence[Mapping[str, Any]]) -> list[str]:
    totals: dict[str, float] = {}
    for each in values:
        totals[each["series"]] = totals.get(each["series"], 0.0) + abs(each["value"])
    return sorted(totals, key=lambda series: (-totals[series], series))[:MOST_SERIES]


def _bars(section: Figures, column: Mapping[str, str]) -> dict[str, Any]:
    by = next(each for each in section["columns"] if each["role"] != "metric")
    place = [each["key"] for each in section["columns"]].index(by["key"])
    points = _points(section, column)[:MOST_BARS]
    values = [{"name": value_words(row[place], by, section)[:40], "value": value, "order": number,
               "said": value_words(row[_place(section, column)], column, section)}
              for number, (row, value) in enumerate(points)]  # fmt: skip
    over = {"y": {"field": "name", "type": "nominal", "title": None, "sort": {"field": "order"},
                  "axis": {"labelLimit": 170, "ticks": False, "domain": False}},
            "x": {"field": "value", "type": "quantitative", "title": None, "axis": None,
                  "scale": {"zero": True}}}  # fmt: skip
    return {"width": WIDTH - 220, "height": BAR_HEIGHT * len(values), "data": {"values": values}, "layer": [
        {"mark": {"type": "bar", "color": COLOURS[0], "height": 13}, "encoding": over},
        {"mark": {"type": "text", "align": "left", "dx": 5, "color": INK, "fontSize": 11},
         "encoding": {**over, "text": {"field": "said"}}},
    ]}  # fmt: skip


def _place(section: Figures, column: Mapping[str, str]) -> int:
    return [each["key"] for each in section["columns"]].index(column["key"])


def _date_format(grain: str) -> str:
    return {"month": "%b %Y", "hour": "%-d %b, %H:%M"}.get(grain, "%-d %b")


def _axis_title(column: Mapping[str, str], section: Figures) -> str:
    unit = {"cents": section["currency"], "rate": "%", "days": "days", "seconds": "seconds"}.get(column["unit"], "")
    return unit or column["name"]


def _look() -> dict[str, Any]:
    axis = {"labelColor": INK_2, "titleColor": INK_2, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID,
            "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}  # fmt: skip
    return {"font": FONT, "view": {"stroke": None}, "axis": axis, "background": "transparent"}
