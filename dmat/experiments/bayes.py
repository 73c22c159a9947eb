"""Bayesian statements: how likely each arm is the best, and what choosing it may cost.

Belongs here: posteriors of rates (beta) and means (normal), by quadrature and never by sampling, so that the same
figures give the same answer. Stays out: significance, which is another statement (`comparing.py`).

The posteriors of a metric are integrated on one grid, cut at steps of each arm's own standard deviation, with Gauss
nodes in each piece. Rates are integrated over phi with rate = sin(phi)^2, in which all have like widths.
Expected loss of an arm: mean of (best rate - its rate), after C. Stucchio, "Bayesian A/B testing at VWO" (2015).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.special import Array, Places, betaincinv, ndtr

_STEPS = np.array([0.0, 1.5, 3.0, 4.5, 6.0, 7.5, 9.5])
_OFFSETS = np.concatenate([-_STEPS[:0:-1], _STEPS])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_EVEN_PIECES = 20
_MANY = 32  # metrics at once, so that the arrays stay in the processor's cache


@dataclass(frozen=True)
class Beliefs:
    """Metrics x arms. `best` adds to 1 over arms; `loss` is the expected loss of choosing the arm.

    `beats_control` and `loss_of_control` compare each arm with the control alone: the probability that the arm is
    better, and the expected loss of choosing it rather than the control.
    """

    best: Array
    loss: Array
    beats_control: Array
    loss_to_control: Array


def _ends(center: Array, sd: Array) -> tuple[Array, Array]:
    return (center - _STEPS[-1] * sd).min(axis=1), (center + _STEPS[-1] * sd).max(axis=1)


def _is_close(center: Array, sd: Array) -> Places:
    """Metrics whose arms are so alike that even pieces, the same for all arms, are fine enough."""
    low, high = _ends(center, sd)
    return np.asarray(high - low <= 1.5 * _EVEN_PIECES * sd.min(axis=1))


def _cumulation() -> Array:
    """Matrix that turns values at the nodes of one piece (-1 to 1) into the integral from -1 to each node."""
    powers = np.arange(_NODES.size)
    basis = np.polynomial.legendre.legvander(_NODES, _NODES.size - 1)
    integral = np.stack(
        [np.polynomial.legendre.legval(_NODES, np.polynomial.legendre.legint(np.eye(_NODES.size)[p], lbnd=-1))
         for p in powers], axis=1,
    )  # fmt: skip
    return np.asarray(integral @ np.linalg.inv(basis))


_CUMULATE = _cumulation()


@dataclass(frozen=True)
class _Grid:
    """Nodes of each metric, their weights, and half of each piece's width; metrics x pieces x nodes."""

    nodes: Array
    half: Array

    @staticmethod
    def around(center: Array, sd: Array, least: float, most: float) -> _Grid:
        if _is_close(center, sd).all():
            low, high = _ends(center, sd)
            cuts = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, _EVEN_PIECES + 1)
        else:
            cuts = np.sort((center[..., None] + sd[..., None] * _OFFSETS).reshape(center.shape[0], -1), axis=1)
        cuts = np.clip(cuts, least, most)
        half = (cuts[:, 1:] - cuts[:, :-1]) / 2
        middle = (cuts[:, 1:] + cuts[:, :-1]) / 2
        return _Grid(middle[..., None] + half[..., None] * _NODES, half)

    def integral(self, values: Array) -> Array:
        """Over the whole grid; `values` is metrics x arms x pieces x nodes."""
        return np.asarray(((values @ _WEIGHTS) * self.half[:, None]).sum(axis=-1))

    def cumulative(self, values: Array) -> Array:
        """Integral from the lower end to each node."""
        pieces = (values @ _WEIGHTS) * self.half[:, None]
        before = np.cumsum(pieces, axis=-1) - pieces
        return np.asarray(before[..., None] + (values @ _CUMULATE.T) * self.half[:, None, :, None])


def beta_beliefs(
    hits: Array, n: Array, control: int = 0, sign: Array | int = 1, prior: tuple[float, float] = (1.0, 1.0)
) -> Beliefs:
    """Rates with a beta prior; `hits` and `n` are metrics x arms, `sign` is -1 where the lowest rate is best.

    Raises:
        InvalidInputError: a prior below 0.5 (of which the quadrature would not be exact).
    """
    if not (prior[0] >= 0.5 and prior[1] >= 0.5):
        raise InvalidInputError("prior", str(prior), "two numbers of 0.5 or more")
    a, b = np.asarray(hits, float) + prior[0], np.asarray(n, float) - hits + prior[1]

    def some(rows: Places) -> Beliefs:
        return _beta_rows(a[rows], b[rows], control, _sign_of(sign, rows))

    return _in_parts(some, _is_close(*_beta_place(a, b)))


def _beta_place(a: Array, b: Array) -> tuple[Array, Array]:
    """Center and standard deviation of phi."""
    return np.arcsin(np.sqrt(a / (a + b))), 0.5 / np.sqrt(a + b)


def _beta_rows(a: Array, b: Array, control: int, sign: Array) -> Beliefs:
    grid = _Grid.around(*_beta_place(a, b), 1e-12, math.pi / 2)
    with np.errstate(divide="ignore"):
        log_rate, log_rest = 2 * np.log(np.sin(grid.nodes)), 2 * np.log(np.cos(grid.nodes))
    at = np.log(a / (a + b)), np.log(b / (a + b))
    shape = (a - 0.5)[..., None, None], (b - 0.5)[..., None, None]
    logs = shape[0] * (log_rate[:, None] - at[0][..., None, None])
    logs += shape[1] * (log_rest[:, None] - at[1][..., None, None])
    density = np.exp(logs)
    density /= grid.integral(density)[..., None, None]
    below = np.clip(grid.cumulative(density), 0.0, 1.0)
    return _believe(grid, density, below, np.sin(2 * grid.nodes), control, sign)


def normal_beliefs(means: Array, variances: Array, control: int = 0, sign: Array | int = 1) -> Beliefs:
    """Means whose posterior is normal (flat prior); metrics x arms; nan or no variance anywhere gives nan."""
    mean, variance = np.asarray(means, float), np.asarray(variances, float)
    widest = np.sqrt(np.nan_to_num(variance).max(axis=1, keepdims=True).clip(0.0))
    is_known = np.isfinite(mean).all(axis=1) & np.isfinite(variance).all(axis=1) & (widest[:, 0] > 0)
    center = np.where(is_known[:, None], mean, 0.0)
    sd = np.where(is_known[:, None], np.maximum(np.sqrt(np.nan_to_num(variance)), widest * 1e-6), 1.0)

    gone = np.where(is_known, 0.0, np.nan)

    def some(rows: Places) -> Beliefs:
        return _normal_rows(center[rows], sd[rows], gone[rows], control, _sign_of(sign, rows))

    return _in_parts(some, _is_close(center, sd))


def _normal_rows(center: Array, spread: Array, gone: Array, control: int, sign: Array) -> Beliefs:
    grid = _Grid.around(center, spread, -math.inf, math.inf)
    z = (grid.nodes[:, None] - center[..., None, None]) / spread[..., None, None]
    density = np.exp(-0.5 * z * z) / (spread[..., None, None] * math.sqrt(2 * math.pi))
    found = _believe(grid, density, ndtr(z), np.ones_like(grid.nodes), control, sign)
    return Beliefs(*(getattr(found, name) + gone[:, None] for name in _FIELDS))


def _believe(grid: _Grid, density: Array, below: Array, slope: Array, control: int, sign: Array) -> Beliefs:
    """From densities and distribution functions at the nodes; `slope` is d(value) / d(node)."""
    worse = np.where(sign[:, None, None, None] > 0, below, 1.0 - below)
    others = _product_of_others(worse)
    best = grid.integral(density * others)
    loss = grid.integral(worse * (1.0 - others) * slope[:, None])
    of_control = worse[:, control : control + 1]
    beats = grid.integral(density * of_control)
    loss_to_control = grid.integral(worse * (1.0 - of_control) * slope[:, None])
    beats[:, control], loss_to_control[:, control] = np.nan, np.nan
    return Beliefs(best / best.sum(axis=1, keepdims=True), loss, beats, loss_to_control)


def _product_of_others(values: Array) -> Array:
    """For each arm the product over all other arms."""
    before, after = np.ones_like(values), np.ones_like(values)
    for arm in range(1, values.shape[1]):
        before[:, arm] = before[:, arm - 1] * values[:, arm - 1]
        after[:, -1 - arm] = after[:, -arm] * values[:, -arm]
    return np.asarray(before * after)


_FIELDS = ("best", "loss", "beats_control", "loss_to_control")


def _sign_of(sign: Array | int, rows: Places) -> Array:
    return np.array([float(sign)]) if isinstance(sign, int) else np.asarray(sign[rows], dtype=float)


def _in_parts(some: Callable[[Places], Beliefs], is_close: Places) -> Beliefs:
    """Metrics in parts that fit into memory; those with like arms apart from the others."""
    order = np.argsort(is_close, kind="stable")
    cuts = sorted({0, int((~is_close).sum()), len(order), *range(0, len(order), _MANY)})
    parts = [some(order[low:high]) for low, high in pairwise(cuts)]
    back = np.argsort(order, kind="stable")
    if not parts:
        return Beliefs(*(np.empty((0, 0)) for _ in _FIELDS))
    return Beliefs(*(np.concatenate([getattr(part, name) for part in parts])[back] for name in _FIELDS))


def credible_interval(
    hits: float, n: float, alpha: float = 0.05, prior: tuple[float, float] = (1.0, 1.0)
) -> tuple[float, float]:
    """Equal-tailed interval of the posterior of a rate."""
    a, b = hits + prior[0], n - hits + prior[1]
    return float(betaincinv(a, b, alpha / 2)), float(betaincinv(a, b, 1 - alpha / 2))


def chances(hits: Sequence[float], n: Sequence[float], prior: tuple[float, float] = (1.0, 1.0)) -> Beliefs:
    """Beliefs about one metric with arms in order, the first being the control; arrays are 1 x arms."""
    return beta_beliefs(np.array([hits], float), np.array([n], float), prior=prior)
