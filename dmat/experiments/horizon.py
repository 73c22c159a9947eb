"""From when on the figures of a test may prove something: at any time, or only at its planned end.

Belongs here: that question, and what is said until then. Stays out: the figures (`analysis.py`), the decision
(`decide.py`).

With always-valid inference a test may be looked at whenever one likes. A p-value of a fixed horizon is right once, at
the horizon; who stops at the first good one of many looks finds winners that are none (ten looks at 0.05 find one in
19.5 % of tests of the same thing twice, `docs/guide/statistics.md`).
"""

from __future__ import annotations

from dmat.experiments import words
from dmat.experiments.records import PAUSED, RUNNING, Experiment
from dmat.experiments.results import Analysis, Comparison, Design

HELD_BACK = "It is judged at its planned time; nothing counts as proven before."


def is_preview(test: Experiment, design: Design) -> bool:
    """Whether nothing counts as proven yet: the test runs, and is not one that may be looked at at any time."""
    return design.inference != "always_valid" and test.status in (RUNNING, PAUSED)


def sentences_until_then(analysis: Analysis) -> tuple[str, ...]:
    """What may be said of a test before its end: what is wrong with it, who is ahead so far, and nothing of proof."""
    blocked = tuple(f"Do not use this result: {each.message}." for each in analysis.health if each.level == "block")
    return (*blocked, *_so_far(analysis), HELD_BACK)


def _so_far(analysis: Analysis) -> tuple[str, ...]:
    design, metric = analysis.design, analysis.design.metric(analysis.primary)
    known = [each for each in analysis.comparisons if each.metric == metric.key and each.difference is not None]
    if not known:
        return (words.no_data(design, metric),)

    def gain(each: Comparison) -> float:
        return metric.sign * (each.difference or 0.0)

    best = max(known, key=gain)
    if not gain(best):
        return (f"{design.title(best.arm)} and {design.title(best.control)} are level on {metric.name} so far.",)
    ahead, behind = (best.arm, best.control) if gain(best) > 0 else (best.control, best.arm)
    size = words.gap(best.difference or 0.0, metric)
    return (f"{design.title(ahead)} is ahead of {design.title(behind)} by {size} on {metric.name} so far.",)
