"""What the lines of a section's chart are made of: its moments, and at most four series over them.

Belongs here: which series are drawn, the same in print and on the screen. Stays out: drawing (`charts.py`, `apps/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dmat.reports.making import Figures, metric_columns, value_words

MOST_SERIES = 4
Column = Mapping[str, str]
N = TypeVar("N")
M = TypeVar("M")


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
    unit = drawn[0]["unit"]
    return Course(drawn[0], moments, drawn_lines(lines, moments, unit))


def drawn_lines(
    lines: Mapping[N, Mapping[M, float | None]], moments: Sequence[M], unit: str
) -> dict[N, tuple[float | None, ...]]:
    """The largest four of named series, each with one value for every moment.

    Args:
        lines: name -> moment -> value.
        moments: of the axis, in order.
        unit: of the values. Counts and amounts are ranked by their sum and are 0 where a series has no value; quotients
            by how often there is one, since one made of few people says little, then by their sum, and stay unknown.
    """
    is_sum = unit in ("count", "cents")

    def rank(name: N) -> tuple[float, float, str]:
        known = [abs(value) for value in lines[name].values() if value is not None]
        return 0 if is_sum else -len(known), -sum(known), str(name)

    largest = sorted(lines, key=rank)[:MOST_SERIES]
    return {name: tuple(lines[name].get(at, 0 if is_sum else None) for at in moments) for name in largest}
