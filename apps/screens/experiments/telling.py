"""The monitor's figures in the shape of the page: the verdict, two statements, a row for each variant, health.

Belongs here: pure choices about what is shown and in which words. Stays out: the statistics (`dmat/experiments`), HTML.
"Proven" and "chance to be the best" are two statements and are told as two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from apps.screens.experiments.forming import sentence
from apps.screens.experiments.standing import plain
from apps.screens.experiments.verdicts import (
    broken_words,
    comparisons_of,
    is_control_proven,
    proven_of,
    split_words,
    verdict_words,
)
from apps.screens.experiments.wording import (
    chance_of,
    difference_of,
    hits_words,
    is_money,
    metric_words,
    relative_of,
    value_of,
)
from dmat.experiments import horizon
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import DECIDING, PAUSED, STOPPED, Decision, Experiment, LogLine
from dmat.experiments.results import Analysis, ArmResult, Comparison, GuardrailVerdict

PREVIEW = (
    "This test is judged at its planned time, not before. What is shown until then is a preview: who stops at the first"
    " good figure finds winners that are none."
)
EXPERIMENTS_WITHOUT = "The message has not left yet, so there is nothing to compare."


@dataclass(frozen=True)
class Headline:
    """The verdict: its tone, a few words and a sentence."""

    tone: str
    icon: str
    title: str
    words: str


@dataclass(frozen=True)
class Statement:
    """One of the two statements: a question, its answer in a few words, and what that means."""

    question: str
    answer: str
    words: str
    tone: str = ""


@dataclass(frozen=True)
class Row:
    """One variant on one measure, as the table shows it; lengths are percents of the widest interval."""

    key: str
    name: str
    colour: str
    people: int
    hits: str
    rate: str
    between: str
    start: float
    end: float
    at: float
    difference: str
    difference_between: str
    lift: str
    is_proven: bool
    is_better: bool
    is_control: bool
    chance: float | None
    chance_words: str
    loss: str


@dataclass(frozen=True)
class Guard:
    """One guardrail and variant: its tone and what is known."""

    tone: str
    icon: str
    title: str
    words: str


def is_preview(test: Experiment, analysis: Analysis | None) -> bool:
    """Whether nothing counts as proven yet: the test is not one that may be looked at at any time, and still runs."""
    return analysis is not None and horizon.is_preview(test, analysis.design)


def headline_of(
    test: Experiment, analysis: Analysis | None, decision: Decision | None, words: str = "", currency: str = "EUR"
) -> Headline:
    """The verdict in one sentence.

    Args:
        test: as it stands.
        analysis: what is known now; None before anything is.
        decision: what was decided.
        words: what the rule said at the last look.
        currency: of amounts.
    """
    if decision is not None:
        return _decided(test, decision)
    if test.status == STOPPED:
        return Headline("", "stop", "Stopped.", sentence(test.status_reason))
    if analysis is not None and analysis.health_level == "block":
        return Headline("danger", "error", "Do not trust these figures.", broken_words(analysis))
    if test.status == PAUSED:
        return Headline("warning", "pause", "Paused: nothing leaves.", sentence(test.status_reason))
    said = verdict_words(analysis, currency) if analysis else ""
    if test.status == DECIDING:
        return Headline("warning", "clock", "Your turn.", sentence(words) or said)
    if analysis is None or not any(arm.people for arm in analysis.arms):
        return Headline("", "clock", "No figures yet.", EXPERIMENTS_WITHOUT)
    if is_preview(test, analysis):
        return Headline("", "clock", "Not judged yet.", PREVIEW)
    ahead = proven_of(analysis)
    if ahead is not None:
        return Headline("success", "check", f"{analysis.design.title(ahead)} is better.", said)
    if is_control_proven(analysis):
        return Headline("success", "check", f"{analysis.design.title(analysis.design.control)} is the best.", said)
    return Headline("", "info", "No winner yet.", said)


def _decided(test: Experiment, decision: Decision) -> Headline:
    arm = test.plan.arm(decision.arm) if decision.arm else None
    name = arm.shown_name if arm else ""
    reason = sentence(plain(decision.reason))
    who = f" Decided by {decision.decided_by.split('@')[0]}." if decision.kind == "manual" else ""
    if decision.kind == "winner":
        return Headline("success", "check", f"{name} won.", f"When it was decided: {reason}")
    if decision.kind == "chosen":
        return Headline("success", "check", f"{name} was chosen; it is not proven to be better.",
                        f"When it was decided: {reason}")  # fmt: skip
    if decision.kind == "manual":
        return Headline("success", "check", f"{name} was chosen by hand.", f"{reason}{who}")
    return Headline("", "stop", "Stopped without a winner.", reason)


def leader_of(analysis: Analysis) -> ArmResult | None:
    """The variant most likely to be the best."""
    known = [arm for arm in analysis.arms if arm.metric == analysis.primary and arm.probability_best is not None]
    return max(known, key=lambda arm: arm.probability_best or 0, default=None)


def is_proven(analysis: Analysis, currency: str = "EUR", *, preview: bool = False) -> Statement:
    """Whether a difference is proven, and between what it lies; in a preview nothing is."""
    asked, design = "Is a difference proven?", analysis.design
    if analysis.health_level == "block":
        return Statement(asked, "Cannot be said", "Not before what is wrong above is understood.", "danger")
    found = comparisons_of(analysis)
    shown = _most_telling(found)
    if shown is None or not _is_known(shown.low) or not _is_known(shown.high):
        return Statement(asked, "Too early", "There is not enough yet to compare.")
    one, other = design.title(shown.arm), design.title(shown.control)
    low, high = (difference_of(analysis.primary, value, currency) for value in (shown.low, shown.high))
    between = f"between {low} and {high}"
    if preview:
        return Statement(asked, "Not judged yet", f"As a preview, the difference of {one} to {other} lies {between}.")
    if shown.is_significant:
        word = "better" if shown.is_better else "worse"
        return Statement(asked, "Yes", f"{one} is {word} than {other}: the true difference lies {between}.",
                         "success" if shown.is_better else "danger")  # fmt: skip
    return Statement(asked, "Not yet", f"The true difference of {one} to {other} lies {between}. That still includes"
                     " none at all.")  # fmt: skip


def _most_telling(found: Sequence[Comparison]) -> Comparison | None:
    """The comparison to tell of: a proven one, else the one with the smallest p."""
    known = [each for each in found if each.difference is not None]
    return min(known, key=lambda each: (not each.is_significant, each.p if each.p is not None else 1), default=None)


def best_bet(analysis: Analysis, currency: str = "EUR") -> Statement:
    """Which variant one would take if one had to choose now, and what that may cost."""
    asked, leader = "If you had to choose now?", leader_of(analysis)
    if analysis.health_level == "block":
        return Statement(asked, "Choose nothing", "These figures would lead you astray.", "danger")
    if leader is None or leader.probability_best is None or not leader.people:
        return Statement(asked, "Too early", "Nobody has had the message long enough.")
    name, chance = analysis.design.title(leader.arm), chance_of(leader.probability_best)
    loss = loss_of(analysis.primary, leader.expected_loss, currency)
    words = (
        f"With a chance of {chance}, {name} is the best of them. Choosing it costs {loss} on average, counting how"
        " often it would be wrong. This is a bet, not a proof."
    )
    return Statement(asked, f"{name}, {chance}", words)


def loss_of(metric: str, loss: float | None, currency: str = "EUR") -> str:
    """An expected loss in words: 0.2 points, almost nothing."""
    if loss is None or loss != loss:
        return "an unknown amount"
    tiny = loss < (1 if is_money(metric) else 0.00005)
    return "almost nothing" if tiny else difference_of(metric, loss, currency).replace("+", "")


def rows_of(
    analysis: Analysis, metric: str, plan: TestPlan, currency: str = "EUR", *, preview: bool = False
) -> list[Row]:
    """A row for each variant, in the order of the plan; in a preview nothing is proven."""
    results = {each.arm: each for each in analysis.arms if each.metric == metric}
    compared = {each.arm: each for each in analysis.comparisons if each.metric == metric}
    low, high = _span([each for each in results.values() if each.people])
    is_sound = analysis.health_level != "block" and not preview
    rows = []
    for number, arm in enumerate(plan.arms):
        if arm.key in results:
            rows.append(
                _row(results[arm.key], compared.get(arm.key), arm.shown_name, number, (low, high), currency, is_sound)
            )
    return rows


def _is_known(limit: float | None) -> bool:
    """Whether an interval has a limit there; very early ones have none."""
    return limit is not None and math.isfinite(limit)


def _span(results: Sequence[ArmResult]) -> tuple[float, float]:
    lows = [each.low for each in results if each.low is not None and math.isfinite(each.low)]
    highs = [each.high for each in results if each.high is not None and math.isfinite(each.high)]
    low, high = min(lows, default=0.0), max(highs, default=1.0)
    return (low, high) if high > low else (low, low + 1)


def _row(
    result: ArmResult,
    compared: Comparison | None,
    name: str,
    number: int,
    span: tuple[float, float],
    currency: str,
    is_sound: bool,
) -> Row:
    metric, (low, high) = result.metric, span

    def place(value: float | None) -> float:
        share = 0.0 if value is None or value != value else (value - low) / (high - low)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    between = f"{value_of(metric, result.low, currency)} to {value_of(metric, result.high, currency)}"
    return Row(
        key=result.arm, name=name, colour=f"series-{number}", people=result.people,
        hits="" if is_money(metric) else f"{result.hits:,.0f} {hits_words(metric)}",
        rate=value_of(metric, result.rate, currency),
        between=between if result.low is not None and result.rate is not None else "",
        start=place(result.low), end=place(result.high), at=place(result.rate),
        difference=difference_of(metric, compared.difference if compared else None, currency),
        difference_between=_between(metric, compared, currency),
        lift=relative_of(compared.lift) if compared else "",
        is_proven=bool(compared and compared.is_significant and is_sound),
        is_better=bool(compared and compared.is_better),
        is_control=compared is None, chance=result.probability_best, chance_words=chance_of(result.probability_best),
        loss=loss_of(metric, result.expected_loss, currency),
    )  # fmt: skip


def _between(metric: str, compared: Comparison | None, currency: str) -> str:
    if compared is None or compared.low is None or compared.high is None:
        return ""
    if not _is_known(compared.low) and not _is_known(compared.high):
        return "limits not known yet"
    return f"{difference_of(metric, compared.low, currency)} to {difference_of(metric, compared.high, currency)}"


GUARD_LOOKS = {"worse": ("danger", "error", "got worse"), "safe": ("success", "check", "is safe"),
               "unclear": ("plain", "clock", "not clear yet")}  # fmt: skip


def guards_of(analysis: Analysis, currency: str = "EUR") -> list[Guard]:
    """What the variants did to the guardrails: one line for each guardrail, the worst first."""
    order = list(GUARD_LOOKS)
    found: dict[str, list[GuardrailVerdict]] = {}
    for each in analysis.guardrails:
        found.setdefault(each.metric, []).append(each)
    guards = []
    for metric, verdicts in found.items():
        worst = min(verdicts, key=lambda each: order.index(each.kind)).kind
        arms = [each.arm for each in verdicts if each.kind == worst]
        tone, symbol, words = GUARD_LOOKS[worst]
        guards.append(
            (order.index(worst), Guard(tone, symbol, f"{metric_words(metric)} {words}",
                                       _guard_words(analysis, metric, worst, arms, currency)))
        )  # fmt: skip
    return [guard for _, guard in sorted(guards, key=lambda each: each[0])]


def _guard_words(analysis: Analysis, metric: str, kind: str, arms: Sequence[str], currency: str) -> str:
    title, control = analysis.design.title, analysis.design.control
    if kind == "worse":
        said = [
            f"{title(arm)} {value_of(metric, analysis.arm(arm, metric).rate, currency)}"
            f" against {value_of(metric, analysis.arm(control, metric).rate, currency)}"
            for arm in arms
        ]
        return f"More than chance would do: {', '.join(said)}."
    if kind == "safe":
        return "No variant makes it worse by more than a tenth."
    seen = [f"{arm.key.upper()} {value_of(metric, analysis.arm(arm.key, metric).rate, currency)}"
            for arm in analysis.design.arms]  # fmt: skip
    return f"{', '.join(seen)}. Too few people yet to be sure of either."


QUIET = ("people", "empty_arm", "low_power")
"""Findings that say no more than that it is early."""
HEALTH_TITLES = {
    "sample_ratio": "People are not split as planned", "settled_ratio": "People did not get it as planned",
    "crossover": "Some saw more than one variant", "early_conversions": "Some acted before they could",
    "carry_over": "Some were in an earlier test of the same",
}  # fmt: skip


def health_of(analysis: Analysis | None) -> list[Guard]:
    """What is wrong with how the test runs, the worst first; empty when all is well."""
    if analysis is None:
        return []
    looks = {"block": ("danger", "error"), "warn": ("warning", "warning")}
    wrong = [each for each in analysis.health if each.level != "ok" and each.check not in QUIET]
    if any(each.check == "sample_ratio" for each in wrong):
        wrong = [each for each in wrong if each.check != "settled_ratio"]  # the same fault, seen twice
    blocking = next((each for each in wrong if each.level == "block"), None)  # the headline tells of it
    return [
        Guard(*looks[each.level], HEALTH_TITLES.get(each.check, "Look at this"),
              split_words(analysis) if each.check == "sample_ratio" else sentence(each.message))
        for each in sorted(wrong, key=lambda each: each.level)
        if each is not blocking
    ]  # fmt: skip


def caution_of(analysis: Analysis) -> str:
    """A word of caution for small tests: what they find, they overstate."""
    if any(each.check == "low_power" and each.level != "ok" for each in analysis.health):
        return "Small tests exaggerate: what is found with so few people usually looks larger than it is."
    return ""


LOG_WORDS = {"draft": "Made", "running": "Started", "paused": "Paused", "deciding": "Somebody is asked",
             "decided": "Decided", "rolled_out": "The others have it", "stopped": "Stopped"}  # fmt: skip


def log_words(line: LogLine) -> str:
    """A line of the log as a sentence."""
    plain = LOG_WORDS.get(line.kind, "")
    if not line.words or "->" in line.words or line.words == "made":
        return f"{plain or line.kind.replace('_', ' ').capitalize()}."
    said = sentence(line.words)
    return f"{plain}: {said}" if line.kind in {"paused", "stopped"} else said
