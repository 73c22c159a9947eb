"""The decision about a test: winner, chosen but not proven, wait, none, blocked, or a question to a human.

Belongs here: the rule and its answer with a reason in words. Stays out: carrying it out (`running.py`), and overriding
it by hand, which is a human's own decision with a reason of his own (`library.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dmat.errors import InvalidInputError
from dmat.experiments import words
from dmat.experiments.metrics import Metric
from dmat.experiments.results import Analysis, Comparison, Design

Deadline = Literal["choose_best", "keep_control", "ask"]
Kind = Literal["winner", "chosen", "wait", "none", "blocked", "ask"]
DEADLINES = ("choose_best", "keep_control", "ask")


@dataclass(frozen=True, slots=True)
class Rule:
    """When a test is decided, and by whom.

    `auto`: the system may decide; otherwise it asks. `caring_threshold`: an expected loss below it is nothing to wait
    for, in units of the metric (0.001 is a tenth of a point, 5 is five cents); 0 waits for proof or the deadline.
    `min_per_arm`: nothing is decided before each arm has so many people. `at_deadline`: what happens when the test is
    over without a winner. `metric_reason`: why weak evidence such as opens may decide; empty asks a human.
    """

    auto: bool = True
    caring_threshold: float = 0.0
    min_per_arm: int = 0
    at_deadline: Deadline = "choose_best"
    metric_reason: str = ""

    def __post_init__(self) -> None:
        if self.at_deadline not in DEADLINES:
            raise InvalidInputError("at_deadline", repr(self.at_deadline), ", ".join(DEADLINES))
        if not self.caring_threshold >= 0:
            raise InvalidInputError("caring_threshold", str(self.caring_threshold), "0 or more")
        if self.min_per_arm < 0:
            raise InvalidInputError("min_per_arm", str(self.min_per_arm), "0 or more")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to happen. `arm` gets the rest of the people when `kind` is `winner`, `chosen` or `none` (the control);
    with `ask` it is what would have been chosen. `is_proven` says whether the arm's advantage is significant.
    """

    kind: Kind
    arm: str | None
    reason: str
    is_proven: bool = False


def decide(design: Design, analysis: Analysis, rule: Rule, is_over: bool) -> Verdict:
    """Apply the rule to an analysis. `is_over`: the planned duration or sample has been reached."""
    metric = design.metric(design.primary)
    if analysis.health_level == "block":
        faults = "; ".join(finding.message for finding in analysis.health if finding.level == "block")
        return Verdict("blocked", None, f"The test is not healthy: {faults}.")
    waiting = _too_early(design, analysis, rule, is_over)
    if waiting is not None:
        return waiting
    proven = _proven_winner(design, analysis, metric)
    if proven is not None:
        return _asked(design, rule, metric, _about_winner(design, analysis, metric, proven))
    careless = _not_worth_waiting(design, analysis, rule, metric)
    if careless is not None:
        return _asked(design, rule, metric, careless)
    if not is_over:
        return Verdict("wait", None, analysis.sentence)
    return _asked(design, rule, metric, _at_deadline(design, analysis, rule, metric))


def _too_early(design: Design, analysis: Analysis, rule: Rule, is_over: bool) -> Verdict | None:
    """Before the smallest number of people, or when an arm has none, there is nothing to decide."""
    fewest = min(analysis.arm(arm.key).people for arm in design.arms)
    if fewest == 0:
        if is_over:
            return Verdict("ask", None, "The test is over, and an arm has no people: there is nothing to compare.")
        return Verdict("wait", None, "An arm has no people yet.")
    if fewest < rule.min_per_arm and not is_over:
        return Verdict("wait", None, f"{fewest:,} people in the smallest arm, {rule.min_per_arm:,} are asked for.")
    return None


def _proven_winner(design: Design, analysis: Analysis, metric: Metric) -> str | None:
    """The best of the arms that are proven better than the control and harm no guardrail; the control when it is
    proven better than all others."""
    found = [one for one in analysis.comparisons if one.metric == analysis.primary]
    better = [one for one in found if one.is_significant and one.is_better and not _harms(analysis, one.arm)]
    if better:
        return max(better, key=lambda one: metric.sign * (one.difference or 0.0)).arm
    if found and all(one.is_significant and not one.is_better for one in found):
        return design.control
    return None


def _harms(analysis: Analysis, arm: str) -> bool:
    return any(one.arm == arm and one.kind == "worse" for one in analysis.guardrails)


def _about_winner(design: Design, analysis: Analysis, metric: Metric, arm: str) -> Verdict:
    reason = f"{design.title(arm)} wins: {_advantage(design, analysis, metric, arm)}"
    return Verdict("winner", arm, _with_harm(design, analysis, reason, arm), is_proven=True)


def _advantage(design: Design, analysis: Analysis, metric: Metric, arm: str) -> str:
    if arm == design.control:
        return f"all others are proven to be worse on {metric.name}."
    one: Comparison = analysis.comparison(arm)
    lift = "" if one.lift is None else f" ({one.lift:+.1%})"
    p = 1.0 if one.p_adjusted is None else one.p_adjusted
    return (
        f"{words.gap(one.difference or 0.0, metric)} better than {design.title(design.control)} on"
        f" {metric.name}{lift}, {analysis.family}, p = {p:.2g} at {design.inference.replace('_', '-')} inference."
    )


def _with_harm(design: Design, analysis: Analysis, reason: str, arm: str) -> str:
    harmful = [one for one in analysis.guardrails if one.kind == "worse" and one.arm != arm]
    notes = "".join(f" {one.message}." for one in harmful)
    metric = design.metric(design.primary)
    opens = f" Decided by opens alone: {metric.is_weak_evidence}." if metric.is_weak_evidence else ""
    return f"{reason}{opens}{notes}"


def _best(design: Design, analysis: Analysis) -> tuple[str, float]:
    """The arm with the smallest expected loss among those that harm no guardrail, and that loss."""
    arms = [analysis.arm(arm.key) for arm in design.arms if not _harms(analysis, arm.key)]
    known = [one for one in arms if one.expected_loss is not None]
    if not known:
        return design.control, 0.0
    chosen = min(known, key=lambda one: (one.expected_loss or 0.0, one.arm != design.control))
    return chosen.arm, chosen.expected_loss or 0.0


def _not_worth_waiting(design: Design, analysis: Analysis, rule: Rule, metric: Metric) -> Verdict | None:
    arm, loss = _best(design, analysis)
    if not rule.caring_threshold or analysis.arm(arm).expected_loss is None or loss > rule.caring_threshold:
        return None
    return Verdict(
        "chosen", arm,
        _with_harm(
            design, analysis,
            f"{design.title(arm)} is chosen, not proven: its expected loss of {words.gap(loss, metric)} is below the"
            f" {words.gap(rule.caring_threshold, metric)} that you care about.", arm,
        ),
    )  # fmt: skip


def _at_deadline(design: Design, analysis: Analysis, rule: Rule, metric: Metric) -> Verdict:
    arm, loss = _best(design, analysis)
    control = design.title(design.control)
    if analysis.arm(arm).expected_loss is None:
        return Verdict("ask", None, f"The test is over without data on {metric.name}.")
    if rule.at_deadline == "keep_control":
        return Verdict(
            "none", design.control, f"The test is over without a winner; {control} is kept. {analysis.sentence}"
        )
    reason = (
        f"The test is over without a winner. {design.title(arm)} is chosen, not proven: it has the smallest expected"
        f" loss ({words.gap(loss, metric)}). {analysis.sentence}"
    )
    kind: Kind = "ask" if rule.at_deadline == "ask" else "chosen"
    return Verdict(kind, arm, _with_harm(design, analysis, reason, arm))


def _asked(design: Design, rule: Rule, metric: Metric, verdict: Verdict) -> Verdict:
    """A human is asked when the rule says so, or when only weak evidence speaks and nobody said why it may."""
    if verdict.kind == "ask":
        return verdict
    if metric.is_weak_evidence and not rule.metric_reason.strip():
        reason = f"{verdict.reason} Say why {metric.name} may decide, or choose by hand."
        return Verdict("ask", verdict.arm, reason, verdict.is_proven)
    if metric.is_weak_evidence:
        verdict = Verdict(
            verdict.kind, verdict.arm, f"{verdict.reason} It may decide because: {rule.metric_reason.strip()}.",
            verdict.is_proven,
        )  # fmt: skip
    if not rule.auto:
        return Verdict("ask", verdict.arm, f"{verdict.reason} The rule leaves the decision to you.", verdict.is_proven)
    return verdict
