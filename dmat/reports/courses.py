"""What the lines of a section's chart are made of: its moments, and at most four series over them.

Belongs here: which series are drawn, the same in print and on the screen. Stays out: drawing (`charts.py`, `apps/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dmat.reports.making import Figures, metric_columns, value_words

MOST_SERIES = 4
Column = Mapping[str, str]


@dataclass(frozen=True)
class Course:
    """Lines over time.

    Attributes:
        column: the metric of the axis; all series have its unit.
        moments: first days of the buckets as texts, in order.
        series: name -> one value for each moment, in the metric's own unit, the largest series first. Where a series
            has no row nothing happened: 0 for counts and amounts, None for what is a quotient.
    """

    column: Column
    moments: tuple[str, ...]
    series: dict[str, tuple[float | None, ...]]


def drawn_columns(section: Figures) -> list[Column]:
    """Metrics that one axis can carry: those with the unit of the first one."""
    columns = metric_columns(section)
    return [column for column in columns if column["unit"] == columns[0]["unit"]][:MOST_SERIES]


def course_of(section: Figures) -> Course:
    """The lines of a section told by time: several metrics, or one metric for the largest values of a dimension."""
    columns, drawn = section["columns"], drawn_columns(section)
    places = {column["key"]: place for place, column in enumerate(columns)}
    grain = next(column for column in columns if column["role"] == "grain")
    other = next((column for column in columns if column["role"] == "dimension"), None)
    moments = tuple(sorted({str(row[places[grain["key"]]]) for row in section["rows"]}))
    lines: dict[str, dict[str, float | None]] = {}
    for column in drawn[:1] if other else drawn:
        for row in section["rows"]:
            name = value_words(row[places[other["key"]]], other, section) if other else column["name"]
            lines.setdefault(name, {})[str(row[places[grain["key"]]])] = row[places[column["key"]]]
    sizes = {name: sum(abs(value or 0) for value in line.values()) for name, line in lines.items()}
    largest = sorted(lines, key=lambda name: (-sizes[name], name))[:MOST_SERIES]
    nothing = 0 if drawn[0]["unit"] in ("count", "cents") else None
    return Course(drawn[0], moments, {name: tuple(lines[name].get(at, nothing) for at in moments) for name in largest})
