"""Who leads a test, and how many more people would settle it.

Belongs here: the leading comparison on the primary metric and what it lacks. Stays out: words and decisions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dmat.experiments import sequential
from dmat.experiments.metrics import Metric
from dmat.experiments.power import critical, needed
from dmat.experiments.results import ArmResult, Comparison, Design
from dmat.experiments.special import ndtr


@dataclass(frozen=True, slots=True)
class Lead:
    """The leading arm, whom it is compared with, and what is lacking.

    `needed` and `needed_at_once` are more people per arm, under the design's inference and for one look at the end;
    None when it is settled or beyond a billion. `power` is that of one look with the people there are, were the
    difference seen the true one.
    """

    leader: str = ""
    other: str = ""
    comparison: Comparison | None = None
    needed: int | None = None
    needed_at_once: int | None = None
    power: float | None = None
    probability_best: float | None = None
    expected_loss: float | None = None
    is_known: bool = False


def lead(design: Design, metric: Metric, arms: tuple[ArmResult, ...], comparisons: tuple[Comparison, ...]) -> Lead:
    """The best arm by its rate against the control, or, when the control leads, the control against the next best."""
    results = {one.arm: one for one in arms if one.metric == metric.key}
    found = {one.arm: one for one in comparisons if one.metric == metric.key and one.difference is not None}
    if not found:
        return Lead()
    next_best = max(found.values(), key=lambda one: metric.sign * (one.difference or 0.0))
    does_control_lead = metric.sign * (next_best.difference or 0.0) < 0
    leader, other = (design.control, next_best.arm) if does_control_lead else (next_best.arm, design.control)
    chosen = results[leader]
    more, at_once, power = _lacking(design, metric, results[design.control], results[next_best.arm], next_best)
    return Lead(
        leader, other, next_best, more, at_once, power, chosen.probability_best, chosen.expected_loss, power is not None
    )


def _lacking(
    design: Design, metric: Metric, a: ArmResult, b: ArmResult, found: Comparison
) -> tuple[int | None, int | None, float | None]:
    variances = _variances(metric, a, b)
    difference = found.difference or 0.0
    if variances is None or not difference:
        return None, None, None
    null, apart = variances
    people = min(a.people, b.people)
    level = design.alpha / (len(design.arms) - 1)
    n = 2 / (1 / a.people + 1 / b.people)
    fixed = critical(level)
    power = float(ndtr((abs(difference) * math.sqrt(n) - fixed * math.sqrt(null)) / math.sqrt(apart)))
    if found.is_significant:
        return None, None, power

    def k_at(total: float) -> float:
        if design.inference == "always_valid":
            return float(sequential.always_valid_k(total / design.planned, level, design.alpha))
        return critical(level, design.inference)

    def more(total: float | None) -> int | None:
        return None if total is None else max(1, math.ceil(total) - people)

    at_once = more(needed(difference, null, apart, lambda _: fixed, design.power))
    watched = at_once if design.inference == "fixed" else more(needed(difference, null, apart, k_at, design.power))
    return watched, at_once, power


def _variances(metric: Metric, a: ArmResult, b: ArmResult) -> tuple[float, float] | None:
    """Variance of one person of each arm, added: under no difference, and as it is; None when there is none."""
    errors = a.standard_error, b.standard_error
    if a.rate is None or b.rate is None or errors[0] is None or errors[1] is None:
        return None
    apart = errors[0] ** 2 * a.people + errors[1] ** 2 * b.people
    middle = (a.rate + b.rate) / 2
    null = 2 * middle * (1 - middle) if metric.kind == "proportion" and 0 <= middle <= 1 else apart
    return (null, apart) if null > 0 and apart > 0 else None
