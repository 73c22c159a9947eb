"""Results in plain words.

Belongs here: sentences about a comparison, for marketers. Stays out: figures (`analysis.py`) and layout (`apps`).
"""

from __future__ import annotations

from math import isfinite

from dmat.experiments.metrics import Metric
from dmat.experiments.results import Comparison, Design


def amount(value: float, metric: Metric) -> str:
    """A value of a metric: `25.4 %`, `142.26` for cents, or a number."""
    if metric.unit == "rate":
        return f"{value * 100:.{_digits(value * 100)}f} %"
    if metric.unit == "cents":
        return f"{value / 100:,.2f}"
    return f"{value:,.4g}"


def gap(value: float, metric: Metric) -> str:
    """A difference of a metric, without sign: `6.7 points`."""
    size = abs(value)
    if metric.unit == "rate":
        return f"{size * 100:.{_digits(size * 100)}f} points"
    return amount(size, metric)


def _digits(percent: float) -> int:
    return 1 if abs(percent) >= 1 or percent == 0 else 2 if abs(percent) >= 0.1 else 3


def about(people: int) -> str:
    """A number of people, rounded as befits an estimate: 477 is about 475, 12,345 about 12,300."""
    if people < 20:
        return f"{people}"
    step = 5 * 10 ** max(0, len(str(people)) - 3)
    return f"{max(step, round(people / step) * step):,}"


def no_data(design: Design, metric: Metric) -> str:
    """When there is nothing to say yet."""
    return f"Not enough data yet to say anything about {metric.name}."


def standing(design: Design, metric: Metric, leader: str, other: str, found: Comparison) -> str:
    """Who is ahead, by how much, and whether that could be chance."""
    if not found.difference:
        return f"{design.title(leader)} and {design.title(other)} are level on {metric.name}."
    ahead = (
        f"{design.title(leader)} is ahead of {design.title(other)} by {gap(found.difference, metric)} on {metric.name}"
    )
    if found.is_significant:
        return f"{ahead}; that is more than chance would do ({_interval(found, metric)}, {_p(found)})."
    return f"{ahead}; this could still be chance ({_interval(found, metric)}, {_p(found)})."


def _interval(found: Comparison, metric: Metric) -> str:
    if found.low is None or found.high is None or not (isfinite(found.low) and isfinite(found.high)):
        return "no interval yet"
    scale, unit = (100, " points") if metric.unit == "rate" else (0.01, "") if metric.unit == "cents" else (1, "")
    level = f"{(1 - found.level) * 100:.4g} % interval"
    return f"{level} {found.low * scale:+,.3g} to {found.high * scale:+,.3g}{unit}"


def _p(found: Comparison) -> str:
    if found.p_adjusted is None:
        return "no p yet"
    if found.p_adjusted < 1e-300:
        return "p < 1e-300"
    return f"p = {found.p_adjusted:.3f}" if found.p_adjusted >= 0.001 else f"p = {found.p_adjusted:.1e}"


def no_winner_yet(design: Design, needed: int | None, at_once: int | None) -> str:
    """What it would take to settle it."""
    if at_once is None and needed is None:
        return "No winner yet: the difference is too small to be settled with any number of people at hand."
    start = "No winner yet: "
    if design.inference == "fixed" or needed is None or at_once is None or needed == at_once:
        return (
            f"{start}about {about(needed if needed is not None else at_once or 0)} more people per arm would settle it."
        )
    return (
        f"{start}about {about(at_once)} more people per arm would settle it in one look at the end,"
        f" about {about(needed)} when it is watched all along."
    )


def chance(design: Design, best: str, probability: float | None, loss: float | None, metric: Metric) -> str:
    """The Bayesian statement, which is not the one of significance."""
    if probability is None or loss is None:
        return ""
    return (
        f"The chance that {design.title(best)} is the best is {probability:.1%} (not the same as being proven);"
        f" the expected loss of choosing it is {gap(loss, metric)}."
    )
