"""The verdict on a test in one or two short sentences, for somebody who never learned statistics.

Belongs here: which variant is ahead, whether that is proven, and what would settle it; pure. Stays out: the longer
sentences with intervals and p-values (`dmat/experiments/words.py`), layout.
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.screens.experiments.forming import sentence
from apps.screens.experiments.wording import difference_of, metric_words, value_of
from dmat.experiments.horizon import HELD_BACK
from dmat.experiments.results import Analysis, Comparison
from dmat.experiments.words import about


def comparisons_of(analysis: Analysis) -> list[Comparison]:
    """The comparisons on the measure that decides, of which something is known."""
    return [each for each in analysis.comparisons if each.metric == analysis.primary and each.difference is not None]


def gain_of(analysis: Analysis, found: Comparison) -> float:
    """The difference, positive when the arm is better than the control, whatever direction is better."""
    return analysis.design.metric(analysis.primary).sign * (found.difference or 0.0)


def proven_of(analysis: Analysis) -> str | None:
    """The variant that is proven to be better than the control, the furthest ahead of them; None without one."""
    better = [each for each in comparisons_of(analysis) if each.is_significant and each.is_better]
    return max(better, key=lambda each: gain_of(analysis, each)).arm if better else None


def is_control_proven(analysis: Analysis) -> bool:
    """Whether every other variant is proven to be worse than the control."""
    found = comparisons_of(analysis)
    return bool(found) and all(each.is_significant and not each.is_better for each in found)


def broken_words(analysis: Analysis, only_blocking: bool = True) -> str:
    """Why the figures cannot be trusted; empty when they can."""
    for each in analysis.health:
        if each.level == "block" or (each.level == "warn" and not only_blocking):
            return split_words(analysis) if each.check == "sample_ratio" else sentence(each.message)
    return ""


def split_words(analysis: Analysis) -> str:
    """How many people are in each variant, and how many should be."""
    people = [analysis.arm(arm.key).people for arm in analysis.design.arms]
    whole, shares = sum(people), [arm.share for arm in analysis.design.arms]
    planned = [round(whole * share / sum(shares)) for share in shares]
    return (
        f"{_listed(people)} people have the variants where {_listed(planned)} were planned. Chance hardly ever does"
        " that: something is wrong with the sending or the counting, and a winner would be a mistake."
    )


def _listed(numbers: Sequence[int]) -> str:
    said = [f"{number:,}" for number in numbers]
    return f"{', '.join(said[:-1])} and {said[-1]}"


def verdict_words(analysis: Analysis, currency: str = "EUR", *, preview: bool = False) -> str:
    """How the test stands; in a preview, before its planned end, nothing is proven."""
    found = comparisons_of(analysis)
    if not found or not any(arm.people for arm in analysis.arms):
        return "There is nothing to compare yet."
    broken = broken_words(analysis)
    if broken:
        return f"Do not trust these figures. {broken}"
    if preview:
        return f"{_ahead(analysis, found, currency, so_far=True)} {HELD_BACK}"
    title, primary = analysis.design.title, analysis.primary
    proven = proven_of(analysis)
    if proven is not None:
        shown = analysis.comparison(proven)
        rates = [value_of(primary, analysis.arm(key).rate, currency) for key in (proven, shown.control)]
        measure = metric_words(primary).lower()
        return (
            f"{title(proven)} has a {measure} of {rates[0]}, {title(shown.control)} of {rates[1]}: more than chance"
            " would do."
        )
    if is_control_proven(analysis):
        return f"{title(analysis.design.control)} stays the best: the others do worse than chance would do."
    return f"{_ahead(analysis, found, currency)} {settled_by(analysis)}".strip()


def _ahead(analysis: Analysis, found: list[Comparison], currency: str, *, so_far: bool = False) -> str:
    best = max(found, key=lambda each: gain_of(analysis, each))
    gain, title = gain_of(analysis, best), analysis.design.title
    if gain == 0:
        return f"{title(best.arm)} and {title(best.control)} are level."
    nearest = max(found, key=lambda each: gain_of(analysis, each))
    ahead, behind = (best.arm, best.control) if gain > 0 else (nearest.control, nearest.arm)
    size = difference_of(analysis.primary, abs(best.difference or 0.0), currency).replace("+", "")
    more = " so far." if so_far else ", but that can still be chance."
    return f"{title(ahead)} is ahead of {title(behind)} by {size}{more}"


def settled_by(analysis: Analysis) -> str:
    """How many more people it would take."""
    along, at_once = analysis.people_needed_per_arm, analysis.people_needed_at_once
    if along is None and at_once is None:
        return "A difference so small cannot be settled with the people at hand."
    fewer = at_once if at_once is not None else along or 0
    if analysis.design.inference == "fixed" or along is None or along == fewer:
        return f"About {about(fewer)} more people per variant would settle it."
    return (
        f"About {about(fewer)} more people per variant would settle it in one look at the end, about {about(along)}"
        " when you watch it all along."
    )
