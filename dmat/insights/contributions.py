"""Which parts of a whole explain that it changed.

Belongs here: the arithmetic of contributions. Stays out: asking for figures (`finding.py`), words.

For a sum, a part contributes what it changed itself. A quotient changes because its parts changed (rate effect) and
because their weights did (mix effect); with weights w and rates r before (0) and after (1), and R0 the rate before:

    R1 - R0 = sum over parts of  w1 (r1 - r0)  +  (w1 - w0) (r0 - R0)

which adds up exactly. Which of several dimensions explains a change best is told by its surprise: the Jensen-Shannon
divergence of the parts' shares before and after, among the few parts that together explain most of the change
(Bhagwan et al. 2014, Adtributor, NSDI).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

EXPLAINS = 0.67
MOST_PARTS = 3
LEAST_OF_CHANGE = 0.1


@dataclass(frozen=True)
class Part:
    """One value of a dimension.

    Attributes:
        before, after: the metric for this part; None where it has none.
        weight_before, weight_after: for quotients: its share of the denominators.
        contribution: what it adds to the change of the whole, in the metric's unit; all parts add up to the change.
        mix: how much of that is due to its weight alone.
    """

    value: str | None
    before: float | None
    after: float | None
    contribution: float
    mix: float = 0.0
    weight_before: float = 0.0
    weight_after: float = 0.0


@dataclass(frozen=True)
class Explanation:
    """The parts of one dimension that explain most of a change.

    Attributes:
        change: of the whole.
        parts: largest first, at most three; together they explain `share` of the change.
        surprise: how much the shares of all parts shifted; the larger, the more this dimension is the place to look.
    """

    dimension: str
    change: float
    parts: tuple[Part, ...]
    share: float
    surprise: float


def of_sums(before: Mapping[str | None, float], after: Mapping[str | None, float]) -> list[Part]:
    """Contributions of the parts of a sum.

    Args:
        before, after: value of the dimension -> the metric there.
    """
    values = sorted({*before, *after}, key=str)
    return [Part(each, before.get(each, 0.0), after.get(each, 0.0), after.get(each, 0.0) - before.get(each, 0.0))
            for each in values]  # fmt: skip


def of_quotients(
    before: Mapping[str | None, tuple[float, float]], after: Mapping[str | None, tuple[float, float]]
) -> list[Part]:
    """Contributions of the parts of a quotient.

    Args:
        before, after: value of the dimension -> (numerator, denominator).

    Returns:
        Nothing when one of the periods has no denominator.
    """
    below = [sum(part[1] for part in side.values()) for side in (before, after)]
    if not below[0] or not below[1]:
        return []
    whole = sum(part[0] for part in before.values()) / below[0]
    return [
        _quotient(each, before.get(each, (0.0, 0.0)), after.get(each, (0.0, 0.0)), below, whole)
        for each in sorted({*before, *after}, key=str)
    ]


def _quotient(
    value: str | None, old: tuple[float, float], new: tuple[float, float], below: Sequence[float], whole: float
) -> Part:
    weights = old[1] / below[0], new[1] / below[1]
    rate_old = old[0] / old[1] if old[1] else None
    rate_new = new[0] / new[1] if new[1] else None
    start = rate_old if rate_old is not None else whole  # a part that is new: all it does is an effect of its rate
    rate_effect = weights[1] * ((rate_new if rate_new is not None else start) - start)
    mix = (weights[1] - weights[0]) * (start - whole)
    return Part(value, rate_old, rate_new, rate_effect + mix, mix, *weights)


def explain(dimension: str, parts: Iterable[Part]) -> Explanation | None:
    """The few parts that explain most of the change; None when the change is spread or is none.

    A part that moved against the whole explains nothing of it.
    """
    found = list(parts)
    change = sum(part.contribution for part in found)
    along = [part for part in found if part.contribution * change > 0]
    total = sum(abs(part.contribution) for part in found)
    if not change or not total or len(found) < 2:
        return None
    along.sort(key=lambda part: (-abs(part.contribution), str(part.value)))
    chosen: list[Part] = []
    for part in along[:MOST_PARTS]:
        if abs(part.contribution) < LEAST_OF_CHANGE * abs(change):
            break
        chosen.append(part)
        if sum(each.contribution for each in chosen) / change >= EXPLAINS:
            break
    share = sum(each.contribution for each in chosen) / change
    if share < EXPLAINS or len(chosen) == len(found):
        return None
    return Explanation(dimension, change, tuple(chosen), share, _surprise(found))


def _surprise(parts: Sequence[Part]) -> float:
    """Jensen-Shannon divergence in nats of the parts' shares before and after (0: they kept their shares)."""
    before = _shares([abs((part.before or 0.0) * (part.weight_before or 1.0)) for part in parts])
    after = _shares([abs((part.after or 0.0) * (part.weight_after or 1.0)) for part in parts])
    return sum(_divergence(p, q) for p, q in zip(before, after, strict=True))


def _shares(values: Sequence[float]) -> list[float]:
    total = sum(values)
    return [value / total if total else 0.0 for value in values]


def _divergence(p: float, q: float) -> float:
    middle = (p + q) / 2
    return 0.5 * sum(share * math.log(share / middle) for share in (p, q) if share > 0)
