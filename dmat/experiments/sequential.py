"""Looking more than once: always-valid intervals and p-values, and group-sequential boundaries.

Belongs here: critical values. One kind of inference differs from another only by the critical value for the same
statistic, so estimates, intervals and verdicts share the rest. Stays out: the statistics (`comparing.py`).

Always-valid: normal mixture (mSPRT; asymptotic confidence sequences). Sources: S. R. Howard, A. Ramdas, J. McAuliffe,
J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021), eq. 14;
I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and asymptotic
confidence sequences", arXiv 2103.06476, with its closed form for rho; R. Johari, P. Koomen, L. Pekelis, D. Walsh,
"Always valid inference", Operations Research 70 (2022).

Group-sequential: K. K. G. Lan and D. L. DeMets, Biometrika 70 (1983) 659-663, with the recursion of P. Armitage,
C. K. McPherson and B. C. Rowe, JRSS A 132 (1969). Two conventions are in use for O'Brien-Fleming spending:
`obrien_fleming` spends 2(1 - Phi(z_{a/2} / sqrt t)) of a = alpha / 2 on each side (ldbounds, gsDesign; 4.877 at
t = 0.2), `obrien_fleming_two_sided` spends 2(1 - Phi(z_{alpha/2} / sqrt t)) of alpha on both together (4.383).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.roots import find_roots
from dmat.experiments.special import Array, Floats, ndtr, ndtri

SPENDING = ("obrien_fleming", "obrien_fleming_two_sided", "pocock")


def tuning(alpha: float) -> float:
    """rho squared times the number of people at which the interval is narrowest (Waudby-Smith et al., closed form)."""
    if not 0 < alpha < 1:
        raise InvalidInputError("alpha", str(alpha), "above 0 and below 1")
    return -2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)


def rho(alpha: float, planned_n: float) -> float:
    """The mixture's rho for an interval that is narrowest at `planned_n` people."""
    return math.sqrt(tuning(alpha) / planned_n)


def always_valid_k(progress: Floats, alpha: Floats, tuned_alpha: float = 0.05) -> Array:
    """Critical value for a standardised statistic at `progress` = information so far / information planned.

    Infinite before there is any information. `tuned_alpha` fixes the mixture, `alpha` the level: one mixture serves
    all levels, so that intervals agree with `always_valid_log_p`.
    """
    r = np.asarray(progress, dtype=float) * tuning(tuned_alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.sqrt((1 + r) / r * (np.log1p(r) - 2 * np.log(alpha)))
    return np.asarray(np.where(r > 0, k, np.inf))


def always_valid_log_p(z: Floats, progress: Floats, tuned_alpha: float = 0.05) -> Array:
    """Natural logarithm of the always-valid p of a standardised statistic; at most 0."""
    r = np.asarray(progress, dtype=float) * tuning(tuned_alpha)
    return np.asarray(np.minimum(0.0, 0.5 * np.log1p(r) - 0.5 * np.square(z) * r / (1 + r)))


def halfwidth(variance: float, n: float, planned_n: float, alpha: float = 0.05) -> float:
    """Half the width of the always-valid interval of one mean after `n` people; `variance` is that of one person."""
    return math.sqrt(variance / n) * float(always_valid_k(n / planned_n, alpha, alpha))


def msprt_p(difference: float, pairs: float, variance: float, mixing_variance: float) -> float:
    """Always-valid p of a difference of two means over `pairs` pairs (Johari et al.), without running minimum."""
    both = 2 * variance
    spread = both + pairs * mixing_variance
    log_ratio = 0.5 * math.log(both / spread) + pairs**2 * mixing_variance * difference**2 / (2 * both * spread)
    return math.exp(min(0.0, -log_ratio))


def spent(fraction: Floats, alpha: float, spending: str) -> Array:
    """How much of a two-sided alpha may be used up by an information fraction."""
    t = np.minimum(np.asarray(fraction, dtype=float), 1.0)
    if spending == "obrien_fleming":
        return np.asarray(2 * 2 * ndtr(ndtri(alpha / 4) / np.sqrt(t)))
    if spending == "obrien_fleming_two_sided":
        return np.asarray(2 * ndtr(ndtri(alpha / 2) / np.sqrt(t)))
    if spending == "pocock":
        return np.asarray(alpha * np.log1p((math.e - 1) * t))
    raise InvalidInputError("spending", repr(spending), ", ".join(SPENDING))


@lru_cache(maxsize=512)
def boundaries(
    fractions: tuple[float, ...], alpha: float = 0.05, spending: str = "obrien_fleming"
) -> tuple[float, ...]:
    """Critical values of |z| at each look, by the looks' information fractions.

    Raises:
        InvalidInputError: fractions that do not rise, or are not above 0.
    """
    if not fractions or any(b <= a for a, b in zip((0.0, *fractions), fractions, strict=False)):
        raise InvalidInputError("look_fractions", str(fractions), "rising numbers above 0")
    totals = spent(np.array(fractions), alpha, spending)
    found: list[float] = []
    walk = _Walk(fractions[0])
    for at, fraction in enumerate(fractions):
        wanted = float(totals[at] - (totals[at - 1] if at else 0.0))
        if at:
            walk.go_on(fraction, found[-1])
        found.append(walk.boundary(wanted))
    return tuple(found)


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


class _Walk:
    """Density of the score process B(t) among the tests that have not stopped, with B(t) = z sqrt(t) and drift."""

    def __init__(self, fraction: float, drift: float = 0.0) -> None:
        self.t, self.drift = fraction, drift
        self.nodes, self.mass = np.zeros(1), np.ones(1)
        self.step = fraction

    def go_on(self, fraction: float, boundary: float) -> None:
        """Go on from a look with a boundary to the next fraction."""
        edge = boundary * math.sqrt(self.t)
        low, high = max(-edge, self._reach(-1)), min(edge, self._reach(1))
        panels = max(4, math.ceil((high - low) / (0.75 * math.sqrt(min(self.step, fraction - self.t)))))
        cuts = np.linspace(low, high, panels + 1)
        half = (cuts[1] - cuts[0]) / 2
        nodes = ((cuts[:-1] + cuts[1:])[:, None] / 2 + half * _NODES).ravel()
        sd = math.sqrt(self.step)
        moved = (nodes[:, None] - self.nodes[None, :] - self.drift * self.step) / sd
        density = (np.exp(-0.5 * moved**2) / (sd * math.sqrt(2 * math.pi))) @ self.mass
        self.nodes, self.mass = nodes, density * np.tile(_WEIGHTS * half, panels)
        self.step, self.t = fraction - self.t, fraction

    def _reach(self, side: int) -> float:
        return self.drift * self.t + side * 12 * math.sqrt(self.t)

    def beyond(self, boundary: float) -> float:
        """Probability to be outside ± boundary (of z) at this look and never before."""
        return self.side_beyond(boundary, 1) + self.side_beyond(boundary, -1)

    def side_beyond(self, boundary: float, side: int) -> float:
        """The part of it on one side."""
        edge, sd = boundary * math.sqrt(self.t), math.sqrt(self.step)
        away = (edge - side * (self.nodes + self.drift * self.step)) / sd
        return float(self.mass @ ndtr(-away))

    def boundary(self, wanted: float) -> float:
        """The critical value that is crossed for the first time at this look with probability `wanted`."""
        if wanted <= 0:
            return math.inf
        aim = math.log(wanted)

        def missing(limit: Array) -> Array:
            return np.log(np.maximum([self.beyond(float(limit[0]))], 1e-300)) - aim

        return float(find_roots(missing, np.zeros(1), np.full(1, 36.0))[0])


def crossing_probability(
    fractions: tuple[float, ...], limits: tuple[float, ...], drift: float = 0.0
) -> tuple[float, ...]:
    """Probability to stop at each look when z at full information has mean `drift` (both sides)."""
    walk = _Walk(fractions[0], drift)
    found = [walk.beyond(limits[0])]
    for at in range(1, len(fractions)):
        walk.go_on(fractions[at], limits[at - 1])
        found.append(walk.beyond(limits[at]))
    return tuple(found)


_LEVELS = np.exp(np.linspace(math.log(1e-12), math.log(0.999), 30))


def repeated_p(z: Floats, fractions: tuple[float, ...], alpha: float, spending: str) -> Array:
    """Repeated p-value at the last look: the smallest level whose boundary |z| reaches (Jennison and Turnbull 1989).

    Interpolated between levels, with `alpha` itself as a node, so that p <= alpha exactly when the boundary is reached;
    p-values below 1e-12 are given as 1e-12.
    """
    levels, limits = _repeated_table(fractions, alpha, spending)
    return np.asarray(np.exp(np.interp(np.square(z), np.square(limits), np.log(levels))))


def repeated_k(level: Floats, fractions: tuple[float, ...], alpha: float, spending: str) -> Array:
    """The boundary of |z| at the last look for each level; the inverse of `repeated_p`."""
    levels, limits = _repeated_table(fractions, alpha, spending)
    return np.asarray(np.sqrt(np.interp(-np.log(level), -np.log(levels), np.square(limits))))


@lru_cache(maxsize=64)
def _repeated_table(fractions: tuple[float, ...], alpha: float, spending: str) -> tuple[Array, Array]:
    levels = np.unique(np.append(_LEVELS, [alpha, *(alpha / arms for arms in range(2, 10))]))[::-1]
    limits = np.array([boundaries(fractions, float(level), spending)[-1] for level in levels])
    return levels, np.maximum.accumulate(limits)
