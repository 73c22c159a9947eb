"""What the winner brings to everybody else, in a sentence: about 67 more people who click, between 12 and 121 more.

Belongs here: whose gain is told, and its words. Stays out: the estimate (`dmat/experiments/gain.py`).
"""

from __future__ import annotations

from apps.parts.words import money
from apps.screens.experiments.telling import leader_of
from apps.screens.experiments.wording import count_words, is_money
from dmat.experiments.gain import OF_SO_MANY, Gain, gain_of
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import STOPPED, Experiment
from dmat.experiments.results import Analysis, Design


def gain_told(test: Experiment, plan: TestPlan, analysis: Analysis, rest: int) -> Gain | None:
    """The gain of the winner, or of whoever is ahead; of a thousand people where nobody waits but more will come."""
    leader = leader_of(analysis)
    arm = test.winner or (leader.arm if leader else "")
    if not arm or test.status == STOPPED:
        return None
    if plan.is_of_a_campaign:
        return gain_of(analysis, arm, rest, is_of_rest=True)
    return gain_of(analysis, arm, OF_SO_MANY, is_of_rest=False)


def gain_words(gain: Gain | None, design: Design, currency: str = "EUR", *, is_decided: bool = False) -> str:
    """The sentence; empty when nothing can be said."""
    if gain is None:
        return ""
    instead = f"{design.title(gain.arm)} in place of {design.title(gain.other)}"
    if not gain.is_of_rest:
        begin = f"Of {gain.people:,} people, {instead} means"
    elif is_decided:
        begin = f"Among the {gain.people:,} others, {instead} is estimated to mean"
    else:
        begin = f"Among the {gain.people:,} people who wait, {instead} would mean"
    size = f"{_size(gain, gain.value, currency)} {_way(gain, gain.value)} {count_words(gain.metric)}"
    return f"{begin} about {size}, {_between(gain, currency)}."


def _between(gain: Gain, currency: str) -> str:
    if gain.low < 0 < gain.high:
        low = f"{_size(gain, gain.low, currency)} {_way(gain, gain.low)}"
        return f"but anything between {low} and {_size(gain, gain.high, currency)} {_way(gain, gain.high)} fits"
    near, far = sorted((gain.low, gain.high), key=abs)
    return f"between {_size(gain, near, currency)} and {_size(gain, far, currency)} {_way(gain, far)}"


def _size(gain: Gain, value: float, currency: str) -> str:
    return money(abs(value), currency) if is_money(gain.metric) else f"{abs(value):,.0f}"


def _way(gain: Gain, value: float) -> str:
    return "more" if value >= 0 else "less" if is_money(gain.metric) else "fewer"
