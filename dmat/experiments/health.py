"""Health of a test: what must be right before its figures mean anything.

Belongs here: sample ratio, people in two arms, carry-over, conversions before the message, low power.
Stays out: the figures themselves (`analysis.py`) and what is done about them (`decide.py`).

Sample ratio: A. Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", KDD 2019; the
chi-square test with p < 0.01 as a warning and p < 0.001 as a stop. With fewer than five people expected in an arm the
exact binomial test takes its place when there are two arms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments.exact import binomial_p
from dmat.experiments.power import exaggeration
from dmat.experiments.results import Design, Finding, Level, Observed
from dmat.experiments.special import chdtrc

WARN_P, BLOCK_P = 0.01, 0.001
CROSSOVER_WARN, CROSSOVER_BLOCK = 0.001, 0.01
EARLY_WARN, CARRIED_WARN = 0.01, 0.05
LOW_POWER = 0.5


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Whether people came into the arms in the planned shares."""

    chi_square: float
    df: int
    p: float
    expected: tuple[float, ...]
    is_exact: bool = False

    @property
    def level(self) -> Level:
        """What it means: `ok`, `warn` or `block`."""
        return "block" if self.p < BLOCK_P else "warn" if self.p < WARN_P else "ok"


def sample_ratio(counts: Sequence[float], weights: Sequence[float]) -> SampleRatio:
    """Chi-square test of counts against planned shares; p is right down to 1e-300.

    Raises:
        InvalidInputError: fewer than two arms, counts below 0, or shares not above 0.
    """
    seen, share = np.asarray(counts, dtype=float), np.asarray(weights, dtype=float)
    if seen.size != share.size or seen.size < 2 or (seen < 0).any():
        raise InvalidInputError("counts", f"{list(counts)}", "a count of 0 or more for each of two or more arms")
    if not (share > 0).all():
        raise InvalidInputError("weights", f"{list(weights)}", "shares above 0")
    expected = seen.sum() * share / share.sum()
    if seen.sum() == 0:
        return SampleRatio(0.0, seen.size - 1, 1.0, tuple(expected.tolist()))
    statistic = float(((seen - expected) ** 2 / expected).sum())
    is_exact = seen.size == 2 and bool(expected.min() < 5)
    if is_exact:
        p = binomial_p(int(seen[0]), int(seen.sum()), float(share[0] / share.sum()))
    else:
        p = float(chdtrc(seen.size - 1, statistic))
    return SampleRatio(statistic, int(seen.size - 1), p, tuple(expected.tolist()), is_exact)


def examine(design: Design, observed: Observed, current_power: float | None = None) -> tuple[Finding, ...]:
    """All findings, also those that are in order."""
    people = sum(observed.assigned.get(arm.key, 0) for arm in design.arms)
    if people == 0:
        return (Finding("people", "warn", "nobody is in the test yet"),)
    found = [
        _ratio("sample_ratio", design, observed.assigned, "people are in the arms", observed.expected),
        *_settled(design, observed),
        _share("crossover", observed.crossovers, people, CROSSOVER_WARN, CROSSOVER_BLOCK,
               "were seen in more than one arm"),
        _share("early_conversions", observed.early_conversions, people, EARLY_WARN, None,
               "had converted before their arm could reach them; such conversions say nothing about it"),
        _share("carry_over", observed.carried_over, people, CARRIED_WARN, None,
               "were in an earlier test of the same thing; its effect may still be at work"),
    ]  # fmt: skip
    return (*found, *_empty_arms(design, observed), *_low_power(design, current_power))


def _settled(design: Design, observed: Observed) -> list[Finding]:
    """The ratio once more among those whom the gate let through, when they were counted."""
    if not observed.settled:
        return []
    return [_ratio("settled_ratio", design, observed.settled, "people got their arm's message", observed.expected)]


def _ratio(
    check: str, design: Design, people: Mapping[str, int], what: str, expected: Mapping[str, float]
) -> Finding:  # fmt: skip
    counts = [people.get(arm.key, 0) for arm in design.arms]
    found = sample_ratio(counts, [expected.get(arm.key, arm.share) for arm in design.arms])
    seen = " / ".join(f"{count:,}" for count in counts)
    planned = " / ".join(f"{count:,.0f}" for count in found.expected)
    if found.level == "ok":
        return Finding(check, "ok", f"{what} as planned ({seen})", found.p)
    meaning = "the result cannot be trusted" if found.level == "block" else "look for the cause before you believe it"
    odds = "less than one test in a thousand" if found.level == "block" else f"{found.p:.2g} of all tests"
    return Finding(
        check, found.level,
        f"{seen} {what} where {planned} were planned; chance does this in {odds}: {meaning}", found.p,
    )  # fmt: skip


def _share(check: str, count: int, people: int, warn: float, block: float | None, words: str) -> Finding:
    share = count / people
    level: Level = "block" if block is not None and share > block else "warn" if share > warn else "ok"
    return Finding(check, level, f"{count:,} of {people:,} people ({share:.1%}) {words}")


def _empty_arms(design: Design, observed: Observed) -> list[Finding]:
    empty = [arm.title for arm in design.arms if observed.assigned.get(arm.key, 0) == 0]
    return [Finding("empty_arm", "warn", f"nobody is in {', '.join(empty)} yet")] if empty else []


def _low_power(design: Design, current_power: float | None) -> list[Finding]:
    """Winner's curse: a significant result of a small test overstates."""
    if current_power is None or current_power >= LOW_POWER:
        return []
    factor = exaggeration(current_power, design.alpha)
    overstated = f"overstate it {factor:.1f} times on average" if factor < 20 else "overstate it many times"
    return [
        Finding(
            "low_power", "warn",
            f"with so few people a true difference as large as the one seen is found with a power of"
            f" {current_power:.0%} only; significant results at that power {overstated}",
        )
    ]  # fmt: skip
