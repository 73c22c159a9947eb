"""Ratio metrics: a sum over a sum, such as revenue an order, when people are what was randomised.

Belongs here: the estimate and its variance by the delta method. Stays out: relative lift (`relative.py`).

Orders of one person are not independent, so the variance is that of y - Rx among people.
Source: A. Deng, U. Knoblich, J. Lu, "Applying the delta method in metric analytics", KDD 2018, arXiv 1803.06336.
"""

from __future__ import annotations

import numpy as np

from dmat.experiments.means import Estimates
from dmat.experiments.moments import Table


def ratio_estimates(table: Table) -> Estimates:
    """Sum of `y` over sum of `x`; nan where `x` is 0 or with fewer than two people."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value = table["y"] / np.where(table["x"] > 0, table["x"], np.nan)
        spread = (
            table.covariances("y", "y") - 2 * value * table.covariances("x", "y")
            + value**2 * table.covariances("x", "x")
        )  # fmt: skip
        variance = np.maximum(spread, 0.0) / (table["n"] * table.means("x") ** 2)
    return Estimates.independent(value, variance, table["n"] - 1)
