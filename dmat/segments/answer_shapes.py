"""What the engine answers: a preview, an overlap.

Belongs here: the shapes, and how people are counted by the values of a column. Stays out: asking (`engine.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from dmat.segments.bitmaps import Bits, Ids
from dmat.segments.columns import Column

_MOST_SETS = 24


@dataclass(frozen=True)
class Preview:
    """How many people a rule is true for, and who they are on the whole.

    `by_lifecycle` and `by_country` have the empty text for people of whom it is not known. `per_condition` has the
    count of each node by its path in the tree. `sample` are numbers of some people, spread over all of them.
    """

    count: int
    everybody: int
    by_lifecycle: Mapping[str, int]
    by_country: Mapping[str, int]
    reachable: Mapping[str, int]
    per_condition: Mapping[str, int]
    sample: tuple[int, ...]
    version: int
    data_as_of: datetime
    at: datetime
    seconds: float = 0.0


@dataclass(frozen=True)
class Intersection:
    """How many people are in all of these segments and in none of the others that were asked about."""

    keys: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Overlap:
    """How segments overlap: their sizes, how many each two share, and who is exactly where, largest first."""

    sizes: Mapping[str, int]
    pairs: Mapping[tuple[str, str], int]
    intersections: tuple[Intersection, ...] = field(default=())


class Breakdown:
    """People by the values of a column: sets for the most frequent values, counting for the rest."""

    def __init__(self, column: Column) -> None:
        self.column = column
        codes = column.values
        texts = [""] if column.dictionary is None else ["", *column.dictionary.texts.to_pylist()]
        counts = np.bincount(codes, minlength=len(texts))
        often = [int(code) for code in np.argsort(-counts)[:_MOST_SETS] if counts[code]]
        self._sets = {code: Bits.of(codes == codes.dtype.type(code)) for code in often}
        self._texts = texts
        self._rest = Bits.every(len(codes))
        for each in self._sets.values():
            self._rest = self._rest.without(each)

    def counts(self, people: Bits) -> dict[str, int]:
        """Value -> how many of the people have it, the most frequent first."""
        found = {self._texts[code]: people.common(each) for code, each in self._sets.items()}
        places = (people & self._rest).places()
        rare = np.bincount(self.column.values[places], minlength=1)
        for code in np.flatnonzero(rare):
            found[self._texts[code]] = found.get(self._texts[code], 0) + int(rare[code])
        return {text: count for text, count in sorted(found.items(), key=lambda item: (-item[1], item[0])) if count}


def spread_sample(people: Bits, ids: Ids, wanted: int) -> tuple[int, ...]:
    """Numbers of some of the people, taken evenly over all places; the same for the same set."""
    filled = np.flatnonzero(people.words)
    if len(filled) <= wanted:
        places = people.places()
        chosen: np.ndarray[tuple[int], np.dtype[np.integer]] = places[
            np.linspace(0, len(places) - 1, min(wanted, len(places))).astype(np.intp)
        ]
    else:
        words = filled[np.linspace(0, len(filled) - 1, wanted).astype(np.intp)]
        lowest = people.words[words] & (~people.words[words] + np.uint64(1))
        chosen = words * 64 + np.bitwise_count(lowest - np.uint64(1))
    return tuple(int(number) for number in ids[chosen])
