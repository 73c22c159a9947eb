"""Exact tests for small counts: no approximation by the normal distribution.

Belongs here: Fisher's test in log space, the exact binomial interval and test. Stays out: large samples
(`proportions.py`).

Sources: R. A. Fisher, "The logic of inductive inference", JRSS 98 (1935); C. J. Clopper and E. S. Pearson,
Biometrika 26 (1934). Two-sided p-values add all outcomes that are at most as likely as the one seen, with the relative
tolerance 1e-7 for ties: the convention of R's `fisher.test` and `binom.test`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.special import Array, betaincinv

_TIES = math.log1p(1e-7)


def fisher_p(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """Two-sided p of Fisher's exact test of two proportions; right down to 1e-300.

    Raises:
        InvalidInputError: hits outside 0 to n.
    """
    return math.exp(fisher_log_p(int(hits_a), int(n_a), int(hits_b), int(n_b)))


@lru_cache(maxsize=4096)
def fisher_log_p(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """Natural logarithm of that p, for when it is smaller than a float can be."""
    for field, hits, n in (("hits_a", hits_a, n_a), ("hits_b", hits_b, n_b)):
        if not 0 <= hits <= n:
            raise InvalidInputError(field, f"{hits} of {n} people", "0 to n")
    weights, seen = _hypergeometric(hits_a + hits_b, n_a, n_b, hits_a)
    as_rare = weights[weights <= weights[seen] + _TIES]
    return min(0.0, float(_log_sum(as_rare) - _log_sum(weights)))


def _hypergeometric(total: int, n_a: int, n_b: int, hits_a: int) -> tuple[Array, int]:
    """Log weights, relative to the first, of every possible number of hits in A given all hits; place of the one seen.

    Weights follow from one another by the ratio of neighbours, so that no large logarithms cancel.
    """
    least, most = max(0, total - n_b), min(total, n_a)
    x = np.arange(least, most, dtype=float)
    with np.errstate(divide="ignore"):
        steps = np.log((n_a - x) * (total - x)) - np.log((x + 1) * (n_b - total + x + 1))
    weights = np.concatenate(([0.0], np.cumsum(steps)))
    return weights - weights[np.argmax(weights)], hits_a - least


def _log_sum(logs: Array) -> float:
    top = float(logs.max())
    return top + math.log(math.fsum(np.exp(logs - top)))


def clopper_pearson(hits: float, n: float, alpha: float = 0.05) -> tuple[float, float]:
    """Exact interval of one proportion: it covers with at least 1 - alpha."""
    low = 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, alpha / 2))
    high = 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 1 - alpha / 2))
    return low, high


def binomial_p(hits: int, n: int, share: float) -> float:
    """Two-sided exact p that `hits` of `n` came up with probability `share` each (R's `binom.test`)."""
    if not 0 <= hits <= n:
        raise InvalidInputError("hits", f"{hits} of {n}", "0 to n")
    if not 0 < share < 1:
        raise InvalidInputError("share", str(share), "above 0 and below 1")
    x = np.arange(n, dtype=float)
    steps = np.log(n - x) - np.log(x + 1) + math.log(share) - math.log1p(-share)
    weights = np.concatenate(([0.0], np.cumsum(steps)))
    return min(1.0, math.exp(_log_sum(weights[weights <= weights[hits] + _TIES]) - _log_sum(weights)))
