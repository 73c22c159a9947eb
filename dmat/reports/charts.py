"""Charts of a report as SVG, for print.

Belongs here: lines over time and bars, at most four series, told apart also in grey (by dashes and labels at their
ends). Stays out: where they stand on the page (`pdf.py`). Drawn by Vega-Lite within this process; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import vl_convert

from dmat.reports.courses import course_of, drawn_columns
from dmat.reports.making import Figures, value_words

WIDTH, LINE_HEIGHT, BAR_HEIGHT = 480, 150, 22
COLOURS = ("#2B4ACB", "#D9651C", "#22A57E", "#A77EC8")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])
MOST_BARS = 12
FONT = "Libertinus Serif"
INK, INK_2, GRID = "#15202E", "#4F5B6B", "#E3E6EB"


def chart_of(section: Figures) -> tuple[str, str] | None:
    """The chart of a section as SVG, and what it shows in words; None without rows or without a chart.

    Only metrics with the unit of the first one are drawn: one axis has one unit.
    """
    if not section["chart"] or not section["rows"]:
        return None
    drawn = drawn_columns(section)
    spec = _lines(section) if section["chart"] == "line" else _bars(section, drawn[0])
    if not spec["data"]["values"]:
        return None
    names = ", ".join(column["name"] for column in (drawn if section["chart"] == "line" else drawn[:1]))
    by = next((column for column in section["columns"] if column["role"] != "metric"), None)
    words = f"{names} by {by['name'].lower()}" if by else names
    return vl_convert.vegalite_to_svg({**spec, "config": _look()}, vl_version="5.20"), words


def _drawn(value: float, column: Mapping[str, str]) -> float:
    """A value as an axis carries it: amounts in the currency, shares in percent."""
    return value / 100 if column["unit"] == "cents" else value * 100 if column["unit"] == "rate" else value


def _lines(section: Figures) -> dict[str, Any]:
    grain, course = section["columns"][0], course_of(section)
    values = [{"at": at, "value": _drawn(value, course.column), "series": name}
              for name, line in course.series.items()
              for at, value in zip(course.moments, line, strict=True) if value is not None]  # fmt: skip
    largest = list(course.series)
    colour = {"field": "series", "type": "nominal", "legend": None, "sort": largest,
              "scale": {"domain": largest, "range": list(COLOURS[: len(largest)])}}  # fmt: skip
    dash = {"field": "series", "type": "nominal", "legend": None,
            "scale": {"domain": largest, "range": list(DASHES[: len(largest)])}}  # fmt: skip
    over = {"x": {"field": "at", "type": "temporal", "title": None,
                  "axis": {"format": _date_format(grain["key"]), "tickCount": 6}},
            "y": {"field": "value", "type": "quantitative", "title": _axis_title(course.column, section)}}  # fmt: skip
    last = {"transform": [{"window": [{"op": "row_number", "as": "place"}], "groupby": ["series"],
                           "sort": [{"field": "at", "order": "descending"}]}, {"filter": "datum.place == 1"}],
            "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 11},
            "encoding": {**over, "text": {"field": "series"}, "color": colour}}  # fmt: skip
    layers = [{"mark": {"type": "line", "strokeWidth": 1.8}, "encoding": {**over, "color": colour, "strokeDash": dash}}]
    return {"width": WIDTH - (90 if len(largest) > 1 else 0), "height": LINE_HEIGHT, "data": {"values": values},
            "layer": [*layers, *([last] if len(largest) > 1 else [])]}  # fmt: skip


def _bars(section: Figures, column: Mapping[str, str]) -> dict[str, Any]:
    by = next(each for each in section["columns"] if each["role"] != "metric")
    place = [each["key"] for each in section["columns"]].index(by["key"])
    of_column = [each["key"] for each in section["columns"]].index(column["key"])
    known = [row for row in section["rows"] if row[of_column] is not None][:MOST_BARS]
    values = [{"name": value_words(row[place], by, section)[:40], "value": _drawn(row[of_column], column),
               "order": number, "said": value_words(row[of_column], column, section)}
              for number, row in enumerate(known)]  # fmt: skip
    over = {"y": {"field": "name", "type": "nominal", "title": None, "sort": {"field": "order"},
                  "axis": {"labelLimit": 170, "ticks": False, "domain": False}},
            "x": {"field": "value", "type": "quantitative", "title": None, "axis": None,
                  "scale": {"zero": True}}}  # fmt: skip
    return {"width": WIDTH - 220, "height": BAR_HEIGHT * len(values), "data": {"values": values}, "layer": [
        {"mark": {"type": "bar", "color": COLOURS[0], "height": 13}, "encoding": over},
        {"mark": {"type": "text", "align": "left", "dx": 5, "color": INK, "fontSize": 11},
         "encoding": {**over, "text": {"field": "said"}}},
    ]}  # fmt: skip


def _date_format(grain: str) -> str:
    return {"month": "%b %Y", "hour": "%-d %b, %H:%M"}.get(grain, "%-d %b")


def _axis_title(column: Mapping[str, str], section: Figures) -> str:
    unit = {"cents": section["currency"], "rate": "%", "days": "days", "seconds": "seconds"}.get(column["unit"], "")
    return unit or column["name"]


def _look() -> dict[str, Any]:
    axis = {"labelColor": INK_2, "titleColor": INK_2, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID,
            "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}  # fmt: skip
    return {"font": FONT, "view": {"stroke": None}, "axis": axis, "background": "transparent"}
