"""The analysis of a test at one look: from design and moments to results, guardrails, health and sentences.

Belongs here: putting the parts together. Stays out: each part's mathematics (`comparing.py`, `bayes.py`, `health.py`,
`power.py`), and decisions (`decide.py`). Pure: the same design and moments give the same analysis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dmat.errors import InvalidInputError
from dmat.experiments import health, needs, words
from dmat.experiments.bayes import Beliefs, beta_beliefs, normal_beliefs
from dmat.experiments.comparing import Found, Look, compare_estimates, compare_proportions
from dmat.experiments.cuped import adjusted_means, adjusted_ratios, has_covariate
from dmat.experiments.means import Estimates, mean_estimates
from dmat.experiments.metrics import Metric
from dmat.experiments.moments import Table
from dmat.experiments.multiple import adjust, adjust_rows
from dmat.experiments.ratios import ratio_estimates
from dmat.experiments.results import (
    Analysis,
    Arm,
    ArmResult,
    Comparison,
    Design,
    Finding,
    GuardrailVerdict,
    Observed,
)
from dmat.experiments.special import Array

__all__ = [
    "Analysis", "Arm", "ArmResult", "Comparison", "Design", "Finding", "GuardrailVerdict", "Observed", "analyse",
    "breakdown",
]  # fmt: skip


def analyse(design: Design, observed: Observed) -> Analysis:
    """Analyse every metric of which there are moments, the primary one first.

    Raises:
        InvalidInputError: moments of an arm that is not in the design, or that do not fit the metric's kind.
    """
    metrics = _metrics(design, observed)
    table = _table(design, observed, metrics)
    parts = _compare(design, observed, metrics, table)
    primary, order = metrics[0].key, {metric.key: at for at, metric in enumerate(metrics)}
    arms = tuple(sorted((one for part in parts for one in part.arm_results(design)), key=lambda one: order[one.metric]))
    comparisons = tuple(
        sorted((one for part in parts for one in part.comparisons(design)), key=lambda one: order[one.metric])
    )
    lead = needs.lead(design, metrics[0], arms, comparisons)
    plain = Analysis(
        design=design, primary=primary, arms=arms, comparisons=comparisons,
        guardrails=_guardrails(design, comparisons), health=(), family=_family(design, metrics[0]),
        people_needed_per_arm=lead.needed, people_needed_at_once=lead.needed_at_once, current_power=lead.power,
        sentences=(),
    )  # fmt: skip
    found = health.examine(design, observed, lead.power if lead.is_known else None)
    return replace(plain, health=found, sentences=_sentences(design, metrics[0], lead, found))


def breakdown(design: Design, groups: Mapping[str, Observed]) -> dict[str, Analysis]:
    """The same test within segments: exploratory, and marked so; p is adjusted over all segments and arms (Holm).

    A difference found in one of many segments is a reason for another test, not a result.
    """
    parts = {name: analyse(design, observed) for name, observed in groups.items()}
    found = [(name, at) for name, part in parts.items() for at in range(len(part.comparisons))]
    primary = {name: part.primary for name, part in parts.items()}
    chosen = [(name, at) for name, at in found if parts[name].comparisons[at].metric == primary[name]]
    raw = [parts[name].comparisons[at].p for name, at in chosen]
    adjusted = adjust([math.nan if p is None else p for p in raw], "holm") if raw else np.empty(0)
    for (name, at), p in zip(chosen, adjusted.tolist(), strict=True):
        one = parts[name].comparisons[at]
        is_significant = bool(p <= design.alpha)
        changed = replace(one, p_adjusted=None if math.isnan(p) else p, is_significant=is_significant)
        listed = parts[name].comparisons
        parts[name] = replace(parts[name], comparisons=(*listed[:at], changed, *listed[at + 1 :]))
    warning = "Exploratory: differences within segments are for ideas, not for decisions."
    return {
        name: replace(part, is_exploratory=True, sentences=(*part.sentences, warning)) for name, part in parts.items()
    }


def _metrics(design: Design, observed: Observed) -> list[Metric]:
    """Primary, guardrails, then all others that there are moments of."""
    arms = {arm.key for arm in design.arms}
    unknown = set(observed.moments) - arms
    if unknown:
        raise InvalidInputError("moments", f"arms {sorted(unknown)} are not in the design", ", ".join(sorted(arms)))
    keys = [design.primary, *design.guardrails, *(key for arm in observed.moments.values() for key in arm)]
    chosen: dict[str, Metric] = {}
    for key in dict.fromkeys(keys):
        metric = design.metric(key)
        chosen.setdefault(metric.key, metric)
    return list(chosen.values())


def _table(design: Design, observed: Observed, metrics: list[Metric]) -> Table:
    """Moments as arrays, under the metrics' own keys."""
    names = {key: design.metric(key).key for listed in observed.moments.values() for key in listed}
    own = observed.moments
    if any(given != key for given, key in names.items()):
        own = {arm: {names[key]: sums for key, sums in listed.items()} for arm, listed in own.items()}
    table = Table.of(own, [arm.key for arm in design.arms], [metric.key for metric in metrics])
    y, n = table["y"], table["n"]
    is_wrong = ((y < 0) | (y > n) | (table["yy"] != y)).any(axis=1)
    for metric, wrong in zip(metrics, is_wrong.tolist(), strict=True):
        if wrong and metric.kind == "proportion":
            raise InvalidInputError("moments", f"{metric.key} counts people, once each", "0 <= y <= n and yy = y")
    return table


@dataclass(frozen=True)
class _Part:
    """Metrics that are compared in the same way."""

    metrics: list[Metric]
    table: Table
    found: Found
    beliefs: Beliefs
    method: str
    adjusted: Array

    def arm_results(self, design: Design) -> list[ArmResult]:
        """One for each metric and arm."""
        found, beliefs = self.found, self.beliefs
        shown = _together(found.value, found.arm_low, found.arm_high, found.arm_error, beliefs.best, beliefs.loss)
        people, hits = self.table["n"].tolist(), self.table["y"].tolist()
        return [
            ArmResult(arm.key, metric.key, int(people[row][at]), hits[row][at], *shown[row][at])
            for row, metric in enumerate(self.metrics)
            for at, arm in enumerate(design.arms)
        ]

    def comparisons(self, design: Design) -> list[Comparison]:
        """One for each metric and arm other than the control."""
        found = self.found
        control, others = _places(design)
        shown = _together(
            found.difference, found.low, found.high, found.lift, found.lift_low, found.lift_high, found.p, self.adjusted
        )
        believed = _together(self.beliefs.beats_control[:, others], self.beliefs.loss_to_control[:, others])
        sure, how = found.is_significant.tolist(), _how(found, self.method)
        arms = [arm.key for arm in design.arms]
        return [
            Comparison(
                *(arms[arm], arms[control], metric.key, *shown[row][at], sure[row][at],
                  (shown[row][at][0] or 0.0) * metric.sign > 0, *believed[row][at], *how[row][at])
            )
            for row, metric in enumerate(self.metrics)
            for at, arm in enumerate(others)
        ]  # fmt: skip


def _how(found: Found, method: str) -> list[list[tuple[float, str]]]:
    """Level and method of each comparison."""
    pairs = zip(found.level.tolist(), found.is_exact.tolist(), strict=True)
    return [[(level, "exact" if is_exact else method) for level, is_exact in zip(*pair, strict=True)] for pair in pairs]


def _together(*columns: Array) -> Any:
    """For each row and place the values of all columns, None for what is not known."""
    block = np.stack(columns, axis=-1)
    values = block.astype(object)
    values[np.isnan(block)] = None
    return values.tolist()


def _places(design: Design) -> tuple[int, list[int]]:
    keys = [arm.key for arm in design.arms]
    control = keys.index(design.control)
    return control, [at for at in range(len(keys)) if at != control]


def _compare(design: Design, observed: Observed, metrics: list[Metric], table: Table) -> list[_Part]:
    """Metrics in groups by method."""
    covariate = has_covariate(table)
    groups: dict[str, list[int]] = {}
    for at, metric in enumerate(metrics):
        method = {"proportion": "score", "mean": "welch", "ratio": "delta"}[metric.kind]
        if covariate[at]:
            method = "cuped_ratio" if metric.kind == "ratio" else "cuped"
        groups.setdefault(method, []).append(at)
    return [
        _part(design, observed, method, [metrics[at] for at in rows], table.rows(np.array(rows)))
        for method, rows in groups.items()
    ]


_ESTIMATES = {
    "welch": mean_estimates, "delta": ratio_estimates, "cuped": adjusted_means, "cuped_ratio": adjusted_ratios,
}  # fmt: skip


def _part(design: Design, observed: Observed, method: str, metrics: list[Metric], table: Table) -> _Part:
    control, _ = _places(design)
    look = _look(design, observed, table)
    guardrails = {design.metric(key).key for key in design.guardrails}
    family = ["none" if metric.key in guardrails else design.family for metric in metrics]
    sign = np.array([metric.sign for metric in metrics])
    if method == "score":
        found = compare_proportions(table, control, look, family)
        beliefs = beta_beliefs(table["y"], table["n"], control, sign)
    else:
        estimates: Estimates = _ESTIMATES[method](table)
        found = compare_estimates(estimates, control, look, family)
        beliefs = normal_beliefs(estimates.value, estimates.variance, control, sign)
    adjusted = adjust_rows(found.p, family)
    return _Part(metrics, table, found, beliefs, method, adjusted)


def _look(design: Design, observed: Observed, table: Table) -> Look:
    control, others = _places(design)
    shares = np.array([arm.share for arm in design.arms])
    planned = design.planned * shares / shares.mean()
    n = table["n"]
    with np.errstate(divide="ignore"):
        seen = 1 / (1 / n[:, [control]] + 1 / n[:, others])
    whole = 1 / (1 / planned[control] + 1 / planned[others])
    fractions = observed.look_fractions or design.look_fractions[: max(1, observed.looks)]
    return Look(design.inference, design.alpha, n / planned, seen / whole, tuple(fractions), design.spending)


def _guardrails(design: Design, comparisons: tuple[Comparison, ...]) -> tuple[GuardrailVerdict, ...]:
    keys = {design.metric(key).key: design.metric(key) for key in design.guardrails}
    return tuple(_guardrail(design, keys[one.metric], one) for one in comparisons if one.metric in keys)


def _guardrail(design: Design, metric: Metric, one: Comparison) -> GuardrailVerdict:
    title, control = design.title(one.arm), design.title(one.control)
    if one.is_significant and not one.is_better:
        size = words.gap(one.difference or 0.0, metric)
        return GuardrailVerdict(
            one.arm, metric.key, "worse", f"{title} is worse than {control} on {metric.name} by {size}: not by chance"
        )
    limit = one.lift_high if metric.better == "lower" else one.lift_low
    is_safe = limit is not None and limit * -metric.sign <= design.guardrail_margin
    margin = f"{design.guardrail_margin:.0%}"
    if is_safe:
        return GuardrailVerdict(one.arm, metric.key, "safe", f"{title} is at most {margin} worse on {metric.name}")
    return GuardrailVerdict(
        one.arm, metric.key, "unclear", f"no harm of {title} to {metric.name} is shown, nor that it is below {margin}"
    )


def _family(design: Design, metric: Metric) -> str:
    count = len(design.arms) - 1
    if count == 1:
        return f"one comparison with {design.title(design.control)} on {metric.name}"
    how = {"holm": "Holm", "bonferroni": "Bonferroni", "none": "no correction"}[design.family]
    return f"{how} over the {count} comparisons with {design.title(design.control)} on {metric.name}"


def _sentences(design: Design, metric: Metric, lead: needs.Lead, found: tuple[Finding, ...]) -> tuple[str, ...]:
    blocked = tuple(f"Do not use this result: {one.message}." for one in found if one.level == "block")
    if lead.comparison is None:
        return (*blocked, words.no_data(design, metric))
    sentences = [words.standing(design, metric, lead.leader, lead.other, lead.comparison)]
    if not lead.comparison.is_significant:
        sentences.append(words.no_winner_yet(design, lead.needed, lead.needed_at_once))
    sentences.append(words.chance(design, lead.leader, lead.probability_best, lead.expected_loss, metric))
    if metric.is_weak_evidence:
        sentences.append(f"Judged by opens alone: {metric.is_weak_evidence}.")
    return (*blocked, *(sentence for sentence in sentences if sentence))
