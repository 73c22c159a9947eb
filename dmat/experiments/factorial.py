"""Two-by-two: two things tested at once on the same people, with each effect and how they go together.

Belongs here: main effects and interaction from the four cells. Stays out: assignment (`assign.py`).

An effect of one factor is the mean of its effects at both levels of the other, so all people count for both.
Source: G. E. P. Box, J. S. Hunter, W. G. Hunter, "Statistics for Experimenters" (2005) ch. 5; degrees of freedom after
Satterthwaite, since variances of the cells may differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.means import Estimates, mean_estimates, t_critical, t_two_sided
from dmat.experiments.moments import Moments, Table
from dmat.experiments.special import Array

Cell = tuple[int, int]
CELLS: tuple[Cell, ...] = ((0, 0), (0, 1), (1, 0), (1, 1))


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect in units of the metric, with interval and p at 1 - alpha."""

    value: float
    low: float
    high: float
    p: float
    standard_error: float
    df: float


@dataclass(frozen=True, slots=True)
class Factorial:
    """`first` and `second` are main effects; `interaction` is what both together do beyond the sum of each alone."""

    first: Effect
    second: Effect
    interaction: Effect

    @property
    def sentence(self) -> str:
        """Whether the two go together."""
        if self.interaction.low > 0 or self.interaction.high < 0:
            return "The two do not simply add up: judge the four combinations, not the two effects."
        return (
            "No sign that one works otherwise with the other; such a sign needs four times as many people as an effect."
        )


def two_by_two(
    cells: Mapping[Cell, Moments], alpha: float = 0.05, estimates: Callable[[Table], Estimates] = mean_estimates
) -> Factorial:
    """Effects from the moments of the four cells (level of the first factor, level of the second).

    Args:
        cells: the four.
        alpha: of each interval.
        estimates: how a cell's value and its variance come from the moments; of ratios `ratio_estimates`.

    Raises:
        InvalidInputError: a cell is missing or has fewer than two people, or nobody differs.
    """
    missing = [cell for cell in CELLS if cell not in cells or cells[cell].n < 2]
    if missing:
        raise InvalidInputError("cells", f"{missing} missing or with fewer than two people", "all four of 0/1 x 0/1")
    names = [f"{one}{other}" for one, other in CELLS]
    listed = {name: {"m": cells[cell]} for name, cell in zip(names, CELLS, strict=True)}
    found = estimates(Table.of(listed, names, ("m",)))
    value, variance, df = found.value[0], found.variance[0], found.df[0]
    if not variance.sum() > 0:
        raise InvalidInputError("cells", "nobody differs from anybody", "some variance")
    weights = (np.array([-1, -1, 1, 1]) / 2, np.array([-1, 1, -1, 1]) / 2, np.array([1.0, -1, -1, 1]))
    return Factorial(*(_effect(weight, value, variance, df, alpha) for weight in weights))


def _effect(weight: Array, value: Array, variance: Array, df: Array, alpha: float) -> Effect:
    parts = weight**2 * variance
    error = math.sqrt(float(parts.sum()))
    freedom = max(1.0, float(parts.sum() ** 2 / (parts**2 / df).sum()))
    effect, half = float(weight @ value), float(t_critical(alpha, freedom)) * error
    return Effect(effect, effect - half, effect + half, float(t_two_sided(effect / error, freedom)), error, freedom)
