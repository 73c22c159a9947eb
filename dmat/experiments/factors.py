"""Two things tested at once: what each of them does and whether they go together, for every metric, also in words.

Belongs here: from plan, design and observation to effects judged by the inference of the test. Stays out: estimating
them (`factorial.py`), which arm wins (`analysis.py`, `decide.py`).

An effect is judged as the arms are: by the critical value of the test's inference for the information so far, so that
always-valid intervals of effects hold at any look. The level is that of the test for each effect; the three are three
questions and are not corrected for one another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.comparing import Look
from dmat.experiments.factorial import CELLS, Cell, Effect, two_by_two
from dmat.experiments.means import Estimates, mean_estimates
from dmat.experiments.metrics import Metric
from dmat.experiments.moments import Moments, Table
from dmat.experiments.plan import TestPlan
from dmat.experiments.ratios import ratio_estimates
from dmat.experiments.results import Design, Observed
from dmat.experiments.words import gap

Part = Literal["first", "second", "interaction"]
TOO_EARLY = "There is not enough yet to tell the two apart."


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """One effect on one metric.

    Attributes:
        part: first or second factor, or their interaction.
        factor: what marketers call it; of the interaction both names.
        before: the level that the control has; empty of the interaction.
        after: the other level; empty of the interaction.
        value: the difference in units of the metric, averaged over both levels of the other factor; of the interaction
            what both together do beyond the sum of each alone.
        low: lower limit of the interval at 1 - alpha; infinite when there is none yet.
        high: the upper one.
        p: of the test's inference.
    """

    part: Part
    factor: str
    before: str
    after: str
    value: float
    low: float
    high: float
    p: float
    is_significant: bool
    is_better: bool
    sentence: str


@dataclass(frozen=True)
class Factors:
    """What is known of both factors on one metric; without effects when it is too early, and `sentence` says so."""

    metric: str
    effects: tuple[FactorEffect, ...]
    sentence: str

    def effect(self, part: Part) -> FactorEffect | None:
        """One of the three; None when it is too early."""
        return next((each for each in self.effects if each.part == part), None)


@dataclass(frozen=True)
class Levels:
    """The two factors of a plan, their levels (that of the control first) and the arm of each cell."""

    names: tuple[str, str]
    levels: tuple[tuple[str, str], tuple[str, str]]
    arms: dict[Cell, str]


def levels_of(plan: TestPlan) -> Levels | None:
    """Factors, levels and cells of a plan; None when it does not test two things at once."""
    names = list(dict.fromkeys(name for arm in plan.arms for name in arm.levels))
    if plan.kind != "factorial" or len(names) != 2:
        return None
    first, second = names
    control = next(arm.levels for arm in plan.arms if arm.key == plan.control_key)
    pairs = [
        (
            control.get(name, ""),
            next(lv for arm in plan.arms if (lv := arm.levels.get(name, "")) != control.get(name, "")),
        )
        for name in (first, second)
    ]
    arms = {
        (pairs[0].index(arm.levels.get(first, "")), pairs[1].index(arm.levels.get(second, ""))): arm.key
        for arm in plan.arms
    }
    return Levels((first, second), (pairs[0], pairs[1]), arms)


def factors_of(plan: TestPlan, design: Design, observed: Observed) -> tuple[Factors, ...]:
    """Effects on the primary metric, then on each guardrail; empty when the plan does not test two things at once."""
    levels = levels_of(plan)
    if levels is None:
        return ()
    keys = dict.fromkeys(design.metric(key).key for key in (design.primary, *design.guardrails))
    return tuple(_of_metric(levels, design, observed, design.metric(key)) for key in keys)


def _of_metric(levels: Levels, design: Design, observed: Observed, metric: Metric) -> Factors:
    cells = {
        cell: observed.moments.get(arm, {}).get(metric.key) or Moments(0, 0, 0) for cell, arm in levels.arms.items()
    }
    estimates: Callable[[Table], Estimates] = ratio_estimates if metric.kind == "ratio" else mean_estimates
    try:
        found = two_by_two(cells, design.alpha, estimates)
    except InvalidInputError:  # a cell is still empty, or nobody did anything yet
        return Factors(metric.key, (), TOO_EARLY)
    look = _look(levels, design, observed, cells)
    judged: tuple[tuple[Part, Effect], ...] = (
        ("first", found.first), ("second", found.second), ("interaction", found.interaction),
    )  # fmt: skip
    effects = tuple(_effect(levels, design, metric, part, effect, look) for part, effect in judged)
    return Factors(metric.key, effects, " ".join(each.sentence for each in effects))


def _look(levels: Levels, design: Design, observed: Observed, cells: dict[Cell, Moments]) -> Look:
    """Information of an effect is one over the sum of one over the people of the four cells."""
    shares = {arm.key: arm.share for arm in design.arms}
    mean = sum(shares.values()) / len(shares)
    planned = [design.planned * shares[levels.arms[cell]] / mean for cell in CELLS]
    seen = 1 / sum(1 / cells[cell].n for cell in CELLS)
    progress = np.array([seen * sum(1 / people for people in planned)])
    fractions = observed.look_fractions or design.look_fractions[: max(1, observed.looks)]
    return Look(design.inference, design.alpha, progress, progress, tuple(fractions), design.spending)


def _effect(levels: Levels, design: Design, metric: Metric, part: Part, effect: Effect, look: Look) -> FactorEffect:
    df = np.array([effect.df])
    half = float(look.k(np.array([design.alpha]), df)[0]) * effect.standard_error
    p = float(look.p(np.array([effect.value / effect.standard_error]), df)[0])
    low, high = effect.value - half, effect.value + half
    at = {"first": 0, "second": 1}.get(part)
    before, after = ("", "") if at is None else levels.levels[at]
    names = " and ".join(levels.names) if at is None else levels.names[at]
    is_proven = low > 0 or high < 0
    told = _sentence(levels, metric, part, (effect.value, low, high), is_proven)
    return FactorEffect(
        part, names, before, after, effect.value, low, high, p, is_proven, effect.value * metric.sign > 0, told
    )


def _sentence(levels: Levels, metric: Metric, part: Part, found: tuple[float, float, float], is_proven: bool) -> str:
    between = f"between {_signed(found[1], metric)} and {_signed(found[2], metric)}"
    value = _signed(found[0], metric)
    if part == "interaction":
        together = (
            f"{levels.names[0]} and {levels.names[1]} together do {value} beyond the sum of each alone ({between})"
        )
        if is_proven:
            return f"{together}: they do not simply add up, so judge the four combinations, not the two effects."
        return (
            f"{together}: no sign that one works otherwise with the other, but such a sign needs four times as many"
            " people as an effect."
        )
    at = 0 if part == "first" else 1
    (before, after), other = levels.levels[at], levels.names[1 - at]
    said = f"{levels.names[at]}: “{after}” instead of “{before}” changes “{metric.name}” by {value} ({between})"
    verdict = "more than chance would do" if is_proven else "this could still be chance"
    return f"{said}, on average over {other}; {verdict}."


def _signed(value: float, metric: Metric) -> str:
    if not np.isfinite(value):
        return "no limit"
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{gap(value, metric)}"
