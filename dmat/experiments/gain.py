"""What a variant brings to the people who are not in the test, compared with the control.

Belongs here: how many people wait, and the difference that was seen, times them. Stays out: whether the difference is
proven (`analysis.py`), words (`apps/screens/experiments/telling.py`).

The limits are those of the difference: an estimate from a test, not what the roll-out is then measured to do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from dmat.experiments.records import REST, Experiment, waves_of
from dmat.experiments.results import Analysis, Comparison
from dmat.experiments.settling import find_run

OF_SO_MANY = 1_000
"""People for whom the gain is told where nobody waits: visitors of a page, members of a journey."""


@dataclass(frozen=True)
class Gain:
    """What sending `arm` in place of `other` to `people` changes.

    Attributes:
        value: so many people more do what the metric counts (fewer when negative), or cents more.
        low, high: its limits, at the level at which the family tested the arm.
        is_of_rest: whether these people wait for the winner or got it; else it is a rule of three.
    """

    arm: str
    other: str
    metric: str
    people: int
    value: float
    low: float
    high: float
    is_proven: bool
    is_of_rest: bool


def count_rest(connection: Connection, experiment: Experiment) -> int:
    """People of the tested steps who wait for the winner, or had what was decided; 0 before the audience is known."""
    waves = waves_of(connection, experiment.experiment_id)
    if experiment.campaign_id is None or not waves:
        return 0
    known = {step: [wave for wave in waves if wave.step == step] for step in dict.fromkeys(each.step for each in waves)}
    return sum(
        sum(wave.people_count for wave in of_step if wave.kind == REST)
        if any(wave.kind == REST for wave in of_step)
        else (find_run(connection, experiment, step).audience_count or 0) - sum(wave.people_count for wave in of_step)
        for step, of_step in known.items()
    )


def gain_of(analysis: Analysis, arm: str, people: int, *, is_of_rest: bool) -> Gain | None:
    """What an arm brings to so many people in place of the control (the control: in place of the next best).

    None when nobody is meant, when health forbids conclusions, before the interval has limits, and for ratios, which
    are no sum over people.
    """
    found = _compared(analysis, arm)
    if found is None or people <= 0 or analysis.health_level == "block":
        return None
    limits = (found.difference, found.low, found.high)
    if analysis.design.metric(analysis.primary).kind == "ratio" or any(
        value is None or not math.isfinite(value) for value in limits
    ):
        return None
    other, sign = (found.control, 1) if arm == found.arm else (found.arm, -1)
    value, *ends = (sign * people * float(each or 0.0) for each in limits)
    return Gain(arm, other, analysis.primary, people, value, min(ends), max(ends), found.is_significant, is_of_rest)


def gains_of(analysis: Analysis, people: int) -> list[Gain]:
    """What each arm but the control brings to the people who wait in place of the control; empty when nobody waits."""
    arms = [arm.key for arm in analysis.design.arms if arm.key != analysis.design.control]
    found = (gain_of(analysis, arm, people, is_of_rest=True) for arm in arms)
    return [gain for gain in found if gain is not None]


def _compared(analysis: Analysis, arm: str) -> Comparison | None:
    """The arm against the control; of the control, the comparison with the best of the others."""
    listed = [each for each in analysis.comparisons if each.metric == analysis.primary and each.difference is not None]
    if arm != analysis.design.control:
        return next((each for each in listed if each.arm == arm), None)
    sign = analysis.design.metric(analysis.primary).sign
    return max(listed, key=lambda each: sign * (each.difference or 0.0), default=None)
