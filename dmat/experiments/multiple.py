"""Several comparisons at once: corrections of p-values, and the levels at which Holm tests each.

Belongs here: families of tests. Stays out: the tests.

Sources: S. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70; Y. Hochberg, Biometrika 75 (1988) 800-802;
G. Hommel, Biometrika 75 (1988) 383-386; Y. Benjamini and Y. Hochberg, JRSS B 57 (1995) 289-300; Y. Benjamini and
D. Yekutieli, Annals of Statistics 29 (2001) 1165-1188. Results as R's `p.adjust`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.special import Array, Places

METHODS = ("none", "bonferroni", "holm", "hochberg", "hommel", "bh", "by")


def adjust(p: Sequence[float] | Array, method: str) -> Array:
    """Adjusted p-values in the order given; nan stays nan and does not count.

    Raises:
        InvalidInputError: an unknown method, or p outside 0 to 1.
    """
    values = np.asarray(p, dtype=float)
    name = {"fdr": "bh"}.get(method.lower(), method.lower())
    if name not in METHODS:
        raise InvalidInputError("method", repr(method), ", ".join(METHODS))
    known = np.flatnonzero(~np.isnan(values))
    chosen = values[known]
    if chosen.size and not ((chosen >= 0) & (chosen <= 1)).all():
        raise InvalidInputError("p", "outside 0 to 1", "p-values")
    adjusted = values.copy()
    if chosen.size:
        adjusted[known] = np.minimum(1.0, _METHODS[name](chosen))
    return adjusted


def _bonferroni(p: Array) -> Array:
    return p * p.size


def _holm(p: Array) -> Array:
    order = np.argsort(p, kind="stable")
    return _back(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), order)


def _from_above(p: Array, factors: Array) -> Array:
    """Step-up: `factors` belong to the p-values from the largest to the smallest."""
    order = np.argsort(-p, kind="stable")
    return _back(np.minimum.accumulate(p[order] * factors), order)


def _hochberg(p: Array) -> Array:
    return _from_above(p, np.arange(1, p.size + 1, dtype=float))


def _bh(p: Array) -> Array:
    return _from_above(p, p.size / np.arange(p.size, 0, -1))


def _by(p: Array) -> Array:
    return _from_above(p, (1 / np.arange(1, p.size + 1)).sum() * p.size / np.arange(p.size, 0, -1))


def _hommel(p: Array) -> Array:
    n = p.size
    order = np.argsort(p, kind="stable")
    rising = p[order]
    best = np.full(n, (n * rising / np.arange(1, n + 1)).min())
    adjusted = best.copy()
    for m in range(n - 1, 1, -1):
        first, last = slice(0, n - m + 1), slice(n - m + 1, n)
        least = (m * rising[last] / np.arange(2, m + 1)).min()
        best[first] = np.minimum(m * rising[first], least)
        best[last] = best[n - m]
        adjusted = np.maximum(adjusted, best)
    return _back(np.maximum(adjusted, rising), order)


def _back(values: Array, order: Places) -> Array:
    result = np.empty_like(values)
    result[order] = values
    return result


_METHODS = {
    "none": lambda p: p, "bonferroni": _bonferroni, "holm": _holm, "hochberg": _hochberg, "hommel": _hommel,
    "bh": _bh, "by": _by,
}  # fmt: skip


def adjust_rows(p: Array, family: Sequence[str]) -> Array:
    """Adjusted p-values of many families at once: each row is one, `family` names its correction."""
    result = p.copy()
    is_holm = np.array([name == "holm" for name in family])
    if is_holm.any():
        result[is_holm] = _holm_rows(p[is_holm])
    for row in np.flatnonzero([name not in ("holm", "none") for name in family]).tolist():
        result[row] = adjust(p[row], family[row])
    return result


def _holm_rows(p: Array) -> Array:
    known = ~np.isnan(p)
    order = np.argsort(np.where(known, p, np.inf), axis=1, kind="stable")
    rising = np.take_along_axis(p, order, axis=1)
    factors = np.maximum(known.sum(axis=1, keepdims=True) - np.arange(p.shape[1]), 1)
    adjusted = np.minimum(1.0, np.maximum.accumulate(rising * factors, axis=1))
    result = np.empty_like(p)
    np.put_along_axis(result, order, adjusted, axis=1)
    return np.asarray(np.where(known, result, np.nan))


def levels(p: Array, alpha: float, family: str) -> Array:
    """The level at which each comparison was tested; last axis is the family, nan does not count.

    Holm tests the smallest p at alpha / m, the next at alpha / (m - 1), and from the first that fails on no further:
    later ones keep the level at which it stopped. An interval at this level excludes no effect exactly when Holm
    rejects.
    """
    counted = ~np.isnan(p)
    m = counted.sum(axis=-1, keepdims=True)
    if family == "none" or p.shape[-1] == 1:
        return np.full(p.shape, alpha)
    if family == "bonferroni":
        return np.broadcast_to(alpha / np.maximum(m, 1), p.shape).copy()
    order = np.argsort(np.where(counted, p, np.inf), axis=-1, kind="stable")
    rising = np.take_along_axis(np.where(counted, p, np.inf), order, axis=-1)
    steps = alpha / np.maximum(m - np.arange(p.shape[-1]), 1)
    has_failed = np.maximum.accumulate(rising > steps, axis=-1)
    first = np.where(has_failed.any(axis=-1), has_failed.argmax(axis=-1), p.shape[-1] - 1)[..., None]
    stopped = np.take_along_axis(steps, first, axis=-1)
    chosen = np.where(has_failed, stopped, steps)
    result = np.empty_like(chosen)
    np.put_along_axis(result, order, chosen, axis=-1)
    return result
