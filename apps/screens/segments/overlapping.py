"""Which segments share people: a table, and the places of an upset plot that a template draws.

Belongs here: choosing the segments and the geometry. Stays out: counting (`dmat.segments`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SETS, COLUMNS = 6, 14
BAR_HEIGHT, STEP, ROW = 132, 34, 26


@dataclass(frozen=True)
class Shared:
    """One other segment: its size, and how many people it shares with the one that is looked at."""

    key: str
    name: str
    size: int
    shared: int


@dataclass(frozen=True)
class Column:
    """One exact combination of segments: its people, the places of its bar and dots."""

    count: int
    members: tuple[int, ...]
    x: float
    bar_height: float
    names: str


@dataclass(frozen=True)
class Upset:
    """The plot: one row a segment, one column a combination."""

    names: tuple[tuple[str, str, int], ...]
    columns: tuple[Column, ...]

    @property
    def width(self) -> int:
        """Width of the columns in pixels."""
        return STEP * max(1, len(self.columns))


def upset(sets: Sequence[tuple[str, str, int]], combinations: Mapping[frozenset[str], int]) -> Upset:
    """The places of an upset plot.

    Args:
        sets: key, name and size of each segment, in the order of the rows.
        combinations: how many people are in exactly these segments and in none of the others.
    """
    place = {key: number for number, (key, _, _) in enumerate(sets)}
    names = {key: name for key, name, _ in sets}
    largest = sorted(((keys, count) for keys, count in combinations.items() if keys and count),
                     key=lambda each: (-each[1], len(each[0])))[:COLUMNS]  # fmt: skip
    top = max((count for _, count in largest), default=1)
    columns = tuple(
        Column(count, tuple(sorted(place[key] for key in keys)), STEP * number + STEP / 2, BAR_HEIGHT * count / top,
               " and ".join(sorted(names[key] for key in keys)))
        for number, (keys, count) in enumerate(largest)
    )  # fmt: skip
    return Upset(tuple(sets), columns)
