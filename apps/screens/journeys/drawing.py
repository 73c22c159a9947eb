"""Where the steps of a journey are drawn: a layout from top to bottom in which ways part and come together again.

Belongs here: places of nodes and lines in pixels, from the graph alone. Stays out: HTML and words.

Each step stands below the one through which everybody comes to it (its immediate dominator; Lengauer and Tarjan, A fast
algorithm for finding dominators, 1979; here simply walked up, since there are no ways round). The ways of a step that
divides get columns side by side; where they meet again stands below all of them, in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from apps.screens.journeys.graph import START, Document, Way, in_order, ways_from
from dmat.journeys.steps import END

WIDTH, HEIGHT, END_WIDTH, END_HEIGHT = 248, 84, 64, 26
LANE, APART, MARGIN = 196, 24, 24
GAP, WIDE_GAP, BEND = 60, 104, 10
BUS, LABEL_AT, PLUS_AT = 20, 42, 74


class Node(NamedTuple):
    """A step, the start (empty key) or an end; `x`, `y` are its left upper corner."""

    key: str
    x: int
    y: int
    width: int
    height: int
    is_end: bool = False


class Line(NamedTuple):
    """A way: its path, where its `+` stands, and where its words stand (None: it has none)."""

    source: str
    way: Way
    path: str
    plus: tuple[int, int]
    label: tuple[int, int] | None


@dataclass
class Drawing:
    """A journey drawn."""

    nodes: list[Node] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    width: int = 0
    height: int = 0


def draw(plan: Document) -> Drawing:
    """Lay a plan out."""
    return _Layout(plan).drawing()


class _Layout:
    """One plan while it is laid out."""

    def __init__(self, plan: Document) -> None:
        self.order = [START, *(step["key"] for step in in_order(plan))]
        self.ways = {key: ways_from(plan, key) for key in self.order}
        self.above = _dominators(self.order, self.ways)
        self.meets = {key: [] for key in self.order}  # type: dict[str, list[str]]
        arriving = [way.to for key in self.order for way in self.ways[key]]
        self.is_met = {key: arriving.count(key) > 1 for key in self.order}
        for key in self.order[1:]:
            if self.is_met[key]:
                self.meets[self.above[key]].append(key)
        self.widths: dict[str, int] = {}
        self.at: dict[str, tuple[int, int]] = {}  # key -> middle, top
        self.ends: dict[tuple[str, str], tuple[int, int]] = {}
        self.lanes: dict[tuple[str, str], int] = {}

    def drawing(self) -> Drawing:
        """Every node and line."""
        for key in reversed(self.order):
            self.widths[key] = max([WIDTH, self._lanes_width(key), *(self.widths[each] for each in self.meets[key])])
        width = self.widths[START] + 2 * MARGIN
        bottom = self._place(START, width // 2, MARGIN)
        made = Drawing(width=width, height=bottom + MARGIN)
        for key in self.order:
            middle, top = self.at[key]
            made.nodes.append(Node(key, middle - WIDTH // 2, top, WIDTH, HEIGHT))
            made.lines += [self._line(key, way) for way in self.ways[key]]
        made.nodes += [
            Node(f"{key}|{place}", x - END_WIDTH // 2, y, END_WIDTH, END_HEIGHT, is_end=True)
            for (key, place), (x, y) in self.ends.items()
        ]
        return made

    def _own(self, way: Way) -> bool:
        """Whether the step behind a way belongs into its column: nobody comes to it otherwise."""
        return way.to != END and not self.is_met[way.to]

    def _lane_width(self, key: str, way: Way) -> int:
        if self._own(way):
            return self.widths[way.to]
        return LANE if len(self.ways[key]) > 1 else WIDTH

    def _lanes_width(self, key: str) -> int:
        lanes = [self._lane_width(key, way) for way in self.ways[key]]
        return sum(lanes) + APART * (len(lanes) - 1) if lanes else WIDTH

    def _place(self, key: str, middle: int, top: int) -> int:
        """Place a step and everything below it; gives where that ends."""
        self.at[key] = (middle, top)
        ways = self.ways[key]
        below = top + HEIGHT
        if not ways:
            return below
        begin = below + (GAP if len(ways) == 1 else WIDE_GAP)
        left, bottom = middle - self._lanes_width(key) // 2, below
        for way in ways:
            lane = self._lane_width(key, way)
            self.lanes[key, way.place] = left + lane // 2
            bottom = max(bottom, self._place_behind(key, way, left + lane // 2, begin))
            left += lane + APART
        for met in self.meets[key]:
            bottom = self._place(met, middle, bottom + GAP)
        return bottom

    def _place_behind(self, key: str, way: Way, middle: int, top: int) -> int:
        if way.to == END:
            self.ends[key, way.place] = (middle, top)
            return top + END_HEIGHT
        if self._own(way):
            return self._place(way.to, middle, top)
        return top - GAP if len(self.ways[key]) == 1 else top - BUS

    def _line(self, key: str, way: Way) -> Line:
        middle, top = self.at[key]
        begin, lane = top + HEIGHT, self.lanes[key, way.place]
        end_x, end_y = self.ends[key, way.place] if way.to == END else self.at[way.to]
        is_many = len(self.ways[key]) > 1
        path = _path((middle, begin), lane, (end_x, end_y), BUS)
        plus = (lane, begin + (PLUS_AT if is_many else GAP // 2 - 2))
        return Line(key, way, path, plus, (lane, begin + LABEL_AT) if is_many else None)


def _dominators(order: list[str], ways: dict[str, list[Way]]) -> dict[str, str]:
    """Step -> the nearest step through which everybody comes to it."""
    place = {key: number for number, key in enumerate(order)}
    above: dict[str, str] = {}
    for key in order:
        for way in ways[key]:
            if way.to == END:
                continue
            one, other = above.get(way.to, key), key
            while one != other:
                if place[one] > place[other]:
                    one = above[one]
                else:
                    other = above[other]
            above[way.to] = one
    return above


def _path(begin: tuple[int, int], lane: int, end: tuple[int, int], bus: int) -> str:
    """Down, across to the lane, down, across to the end, down; with round corners."""
    (x, y), (to_x, to_y) = begin, end
    return f"M{x} {y}{_across(x, lane, y + bus)}{_across(lane, to_x, to_y - bus)}V{to_y}"


def _across(x: int, to: int, y: int) -> str:
    if abs(to - x) < 2:
        return ""
    bend = min(BEND, abs(to - x) // 2)
    side = bend if to > x else -bend
    return f"V{y - bend}Q{x} {y} {x + side} {y}H{to - side}Q{to} {y} {to} {y + bend}"
