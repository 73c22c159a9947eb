"""Relative lift of means and ratios: Fieller's interval, which agrees with the absolute one by construction.

Belongs here: the interval of a quotient of two estimates. Stays out: proportions, whose quotient has a score interval
(`proportions.py`).

All quotients q are kept for which B - qA is within k of its standard error. At q = 1 this is the test of the absolute
difference with the same k, so that "0 is outside the interval of the difference" and "no lift is outside the interval
of the lift" are one statement. The logarithm of the quotient (delta method) does not have this property.

Source: E. C. Fieller, "Some problems in interval estimation", JRSS B 16 (1954) 175-185.
"""

from __future__ import annotations

import numpy as np

from dmat.experiments.special import Array


def fieller(
    a: Array, variance_a: Array, b: Array, variance_b: Array, k: Array, shared: Array | float = 0.0
) -> tuple[Array, Array]:
    """Limits of B / A; elementwise.

    `shared` is the covariance of the two estimates, contained in both variances. nan where the control is not above 0
    or B is below 0, since a lift has no meaning there; `inf` above where the control is not clearly above 0.
    """
    square = k * k
    top = a * a - square * variance_a
    middle = a * b - square * shared
    end = b * b - square * variance_b
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(np.maximum(middle**2 - top * end, 0.0))
        low = np.where(middle > 0, end / (middle + root), (middle - root) / top)
        high = (middle + root) / top
        is_bounded = top > 0
        # not bounded: all quotients from `low` on, or all, when neither mean is clearly above 0
        open_low = np.where(end > 0, end / (middle + root), 0.0)
    low = np.where(is_bounded, np.maximum(low, 0.0), open_low)
    high = np.where(is_bounded, high, np.inf)
    is_known = (a > 0) & (b >= 0) & np.isfinite(k)
    is_unknown_k = (a > 0) & (b >= 0) & np.isinf(k)
    low = np.where(is_known, low, np.where(is_unknown_k, 0.0, np.nan))
    high = np.where(is_known, high, np.where(is_unknown_k, np.inf, np.nan))
    return np.asarray(low), np.asarray(high)
