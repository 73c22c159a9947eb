"""Paths: the touches of many journeys, one after another in flat arrays.

Belongs here: the shape, its checks, reading and grouping. Stays out: crediting touches (`rules.py`, `markov.py`,
`shapley.py`).

>>> paths = read_paths([{"path": "email > search", "conversions": 2, "nulls": 1, "value": 80.0}])
>>> paths.channels
('email', 'search')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmat.errors import InvalidInputError

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
SEPARATOR = ">"


@dataclass(frozen=True)
class Paths:
    """Journeys of touches, with how often each ended in a conversion and how often in none.

    A journey may stand for one person or for all with the same path: counts say for how many.

    Attributes:
        channels: names; a code is a place in it.
        codes: channel of each touch, all journeys one after another, the oldest touch first; shape (touches,).
        starts: where each journey begins in `codes`, and the end of the last one; shape (journeys + 1,).
        conversions: how often each journey ended in a conversion; shape (journeys,).
        nulls: how often each ended without one; shape (journeys,).
        value: what its conversions were worth together, in any one unit; shape (journeys,).
        ages: days from each touch to the conversion; shape (touches,); None when not known.

    Raises:
        InvalidInputError: shapes do not fit, a journey has no touch, a count or an age is negative.
    """

    channels: tuple[str, ...]
    codes: Codes
    starts: Codes
    conversions: Floats
    nulls: Floats
    value: Floats
    ages: Floats | None = None

    def __post_init__(self) -> None:
        journeys = len(self.starts) - 1
        if journeys < 0 or self.starts[0] != 0 or self.starts[-1] != len(self.codes):
            raise InvalidInputError("starts", "do not span the touches", f"0 to {len(self.codes)}")
        if journeys and not (np.diff(self.starts) > 0).all():
            raise InvalidInputError("starts", "a journey has no touch", "at least one touch a journey")
        for name in ("conversions", "nulls", "value"):
            if getattr(self, name).shape != (journeys,):
                raise InvalidInputError(name, f"has {getattr(self, name).shape[0]} entries", f"{journeys}")
        for name in ("conversions", "nulls"):
            if journeys and not (getattr(self, name) >= 0).all():
                raise InvalidInputError(name, "has negative or missing counts", "0 or more")
        self._check_touches()

    def _check_touches(self) -> None:
        if len(self.codes) and not 0 <= self.codes.min() <= self.codes.max() < len(self.channels):
            raise InvalidInputError("codes", "name a channel that is not there", f"0 to {len(self.channels) - 1}")
        if self.ages is not None and self.ages.shape != self.codes.shape:
            raise InvalidInputError("ages", f"has {self.ages.shape[0]} entries", f"{len(self.codes)}")
        if self.ages is not None and len(self.ages) and not (self.ages >= 0).all():
            raise InvalidInputError("ages", "are negative or missing", "0 days or more")

    @property
    def lengths(self) -> Codes:
        """How many touches each journey has; shape (journeys,)."""
        return np.diff(self.starts)

    def by_channel(self, credits: Floats, of: Floats | None = None) -> dict[str, float]:
        """Sum credits of touches by channel.

        Args:
            credits: share of its journey that each touch gets; shape (touches,).
            of: what each journey has to share out, its conversions when not said; shape (journeys,).
        """
        shared = credits * np.repeat(self.conversions if of is None else of, self.lengths)
        sums = np.bincount(self.codes, shared, len(self.channels))
        return dict(zip(self.channels, sums.tolist(), strict=True))


def read_paths(rows: Iterable[Mapping[str, Any]], separator: str = SEPARATOR) -> Paths:
    """Paths from rows `{"path": "a > b", "conversions": 1, "nulls": 0, "value": 1.0}`, of which only `path` must be.

    Raises:
        InvalidInputError: a path is empty or has an empty step.
    """
    names: dict[str, int] = {}
    codes: list[int] = []
    starts, columns = [0], ([], [], [])  # type: tuple[list[int], tuple[list[float], list[float], list[float]]]
    for number, row in enumerate(rows):
        steps = [step.strip() for step in str(row["path"]).split(separator)]
        if not all(steps):
            raise InvalidInputError(f"rows[{number}].path", f"{row['path']!r} has an empty step", f"a {separator} b")
        codes += [names.setdefault(step, len(names)) for step in steps]
        starts.append(len(codes))
        for column, name, default in zip(columns, ("conversions", "nulls", "value"), (1, 0, 0), strict=True):
            column.append(float(row.get(name, default)))
    conversions, nulls, value = (np.array(column, np.float64) for column in columns)
    return Paths(tuple(names), np.array(codes, np.int64), np.array(starts, np.int64), conversions, nulls, value)
