"""What so many people can find out, before the start: audience, usual value, smallest difference, people needed.

Belongs here: bringing the segment's real size and history to the power calculation, and its words. Stays out: the
calculation (`dmat/experiments/power.py`) and the history (`dmat/experiments/history.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from apps.screens.experiments.desk import TestDesk
from apps.screens.experiments.forming import Power
from apps.screens.experiments.wording import difference_of, metric_words, span_of, value_of
from dmat.campaigns.audience import Ids, campaign_audience
from dmat.campaigns.estimate import estimate
from dmat.campaigns.plan import CampaignPlan, Step
from dmat.campaigns.records import Campaign
from dmat.errors import DmatError, InvalidInputError
from dmat.experiments import power
from dmat.experiments.history import Baseline, baseline
from dmat.experiments.metrics import METRICS
from dmat.experiments.passing import Passing, passing
from dmat.experiments.words import about

USUAL = {
    "click": 0.03, "open_human": 0.2, "open_raw": 0.35, "read": 0.3, "reply": 0.02, "conversion": 0.01,
    "form_completion": 0.1, "unsubscribe": 0.003, "complaint": 0.0005,
}  # fmt: skip
"""Rough values where nothing was sent yet; said to be rough."""
DAYS = 90
WORTH = 0.1
"""Without a difference worth finding: a tenth of the usual value."""
KEPT = 64
FROM_ORDERS, FROM_VISITS = ("conversion", "revenue", "order_value"), ("form_completion",)


@dataclass(frozen=True)
class Usual:
    """The usual value of a measure, how much it varies among people, and where both come from."""

    value: float | None
    sd: float | None
    basis: str
    people_per_hour: float | None = None
    hours_to_react: float | None = None


def rough(metric: str) -> Usual:
    """What is usual among many senders; nothing for money, which differs too much."""
    value = USUAL.get(metric)
    if value is None:
        return Usual(None, None, "There is no history yet from which to say what is usual.")
    return Usual(value, None, "Nothing like it was sent yet: this is a rough value of many senders, not yours.")


def usual_from(found: Baseline, whose: str) -> Usual:
    """What is usual, from a history."""
    what = "orders" if found.metric in FROM_ORDERS else "visits" if found.metric in FROM_VISITS else "last messages"
    basis = f"From the {what} {whose} in the last {DAYS} days: {found.people:,} people."
    return Usual(found.rate, found.sd, basis, found.people_per_hour, found.hours_to_react)


class Powering:
    """Power for the forms of one server; what costs time is kept."""

    def __init__(self, desk: TestDesk) -> None:
        self.desk = desk
        self._audiences: dict[tuple[Any, ...], int | None] = {}
        self._usual: dict[tuple[Any, ...], Usual] = {}
        self._passing: dict[tuple[Any, ...], Passing] = {}

    def look(self, document: Mapping[str, Any], campaign: Campaign | None, step: Step | None) -> Power:
        """What the people of the test can find out, as far as it can be said."""
        if document.get("journey"):
            return self._of_journey(document)
        audience = self.audience_of(campaign, step)
        tested, smallest = people_of(document, audience)
        usual = self.usual_of(document, campaign)
        if tested is None and document.get("kind") != "landing_page":
            return Power(audience=audience, tested=tested, smallest_arm=smallest)
        found = calculate(document, usual, smallest)
        said = sentences_of(document, found, tested, smallest, audience, usual.hours_to_react)
        return replace(
            found, audience=audience, tested=tested, smallest_arm=smallest, basis=usual.basis, sentences=said
        )

    def _of_journey(self, document: Mapping[str, Any]) -> Power:
        """What can be found out of those who come to a split while the test runs."""
        came, usual = self.passing_of(document), self.usual_of(document, None)
        usual = replace(usual, people_per_hour=came.per_hour)
        hours = float(document.get("duration_hours") or 0)
        expected = None if came.per_hour is None or not hours else round(came.per_hour * hours)
        tested, smallest = people_of({**document, "test_share": 1.0}, expected)
        found = calculate(document, usual, smallest)
        said = sentences_of(document, found, tested, smallest, None, usual.hours_to_react)
        said = (*said, coming_words(came, expected, hours))
        return replace(found, tested=tested, smallest_arm=smallest, basis=usual.basis, sentences=said)

    def passing_of(self, document: Mapping[str, Any]) -> Passing:
        """Who came to the split of a journey lately."""
        version = self.desk.context.version()
        known = (document.get("journey"), document.get("step"), version.number if version else None)
        if known not in self._passing:
            while len(self._passing) >= KEPT:
                self._passing.pop(next(iter(self._passing)))
            journey, split = str(document.get("journey") or ""), str(document.get("step") or "")
            self._passing[known] = passing(self.desk.context.workspace, journey, split, DAYS)
        return self._passing[known]

    def usual_of(self, document: Mapping[str, Any], campaign: Campaign | None) -> Usual:
        """The usual value of the measure that decides: from the audience's own history, else roughly known."""
        metric = METRICS.get(str(document.get("primary")), METRICS["click"]).key
        version = self.desk.context.version()
        days = int(document.get("conversion_days") or 7)
        whose = (campaign.campaign_id, campaign.version) if campaign else (document.get("journey"), document["step"])
        known = (metric, *whose, version.number if version else None, days)
        if known not in self._usual:
            while len(self._usual) >= KEPT:
                self._usual.pop(next(iter(self._usual)))
            people = self.passing_of(document).people if document.get("journey") else self._people(campaign)
            self._usual[known] = self._read_usual(metric, people, days)
        return self._usual[known]

    def _read_usual(self, metric: str, people: Ids | None, days: int) -> Usual:
        """From the history of these people, else from everybody's, else roughly known."""
        if self.desk.context.version() is None:
            return rough(metric)
        found = self._history(people, metric, days) if people is not None else None
        if found is not None and found.rate:
            return usual_from(found, "of these people")
        found = self._history(None, metric, days)
        return usual_from(found, "of everybody") if found is not None and found.rate else rough(metric)

    def _history(self, people: Ids | None, metric: str, days: int) -> Baseline | None:
        try:
            return baseline(self.desk.context.workspace, people, metric, DAYS, days)
        except (duckdb.CatalogException, duckdb.BinderException):  # published before there were such columns
            return None

    def _people(self, campaign: Campaign | None) -> Ids | None:
        """The people of a campaign's audience; None when that is everybody, or not known."""
        if campaign is None or campaign.plan.audience.is_everybody or not campaign.plan.audience.segments:
            return None
        try:
            return campaign_audience(self.desk.campaigns.segments, campaign.plan)
        except DmatError:
            return None

    def audience_of(self, campaign: Campaign | None, step: Step | None) -> int | None:
        """People whom the step would reach; None when that cannot be counted."""
        if campaign is None or step is None:
            return None
        version = self.desk.context.version()
        known = (campaign.campaign_id, campaign.version, step.key, version.number if version else None)
        if known not in self._audiences:
            while len(self._audiences) >= KEPT:
                self._audiences.pop(next(iter(self._audiences)))
            self._audiences[known] = self._count(campaign, step) if version else None
        return self._audiences[known]

    def _count(self, campaign: Campaign, step: Step) -> int | None:
        plan = campaign.plan
        if not plan.audience.segments and not plan.audience.is_everybody:
            return None
        alone: CampaignPlan = plan.model_copy(update={"steps": (step,)})
        context = self.desk.context
        try:
            found = estimate(context.settings, context.store, self.desk.campaigns.segments, alone, campaign.campaign_id)
        except DmatError:
            return None
        return found.steps[0].recipients if found.steps else None


def people_of(document: Mapping[str, Any], audience: int | None) -> tuple[int | None, int | None]:
    """(people in the test, people in its smallest variant); None when the audience is not known."""
    shares = [float(arm.get("share") or 0) for arm in document.get("arms", ())]
    limit = document.get("sample_per_arm")
    if audience is None:
        return (limit * len(shares), limit) if limit else (None, None)
    tested = round(audience * float(document.get("test_share") or 0))
    if limit:
        tested = min(tested, int(limit) * len(shares))
    return tested, int(tested * min(shares, default=0))


def calculate(document: Mapping[str, Any], usual: Usual, smallest: int | None) -> Power:
    """The smallest difference that can be found, the people needed for the one worth finding, and its chance."""
    metric = METRICS.get(str(document.get("primary")), METRICS["click"])
    if usual.value is None or (metric.kind != "proportion" and not usual.sd):
        return Power(baseline=usual.value)
    wanted = float(document.get("mde") or usual.value * WORTH)
    asked: dict[str, Any] = {
        "alpha": float(document.get("alpha") or 0.05), "arms": max(2, len(document.get("arms", ()))),
        "kind": metric.kind, "sd": usual.sd, "inference": str(document.get("inference") or "always_valid"),
    }  # fmt: skip
    aim = float(document.get("power") or 0.8)
    sign = 1 if metric.better == "higher" else -1
    try:
        needed = power.sample_size(usual.value, sign * wanted, power=aim, **asked)
        detectable = chance = None
        if smallest is not None:
            direction = "up" if sign > 0 else "down"
            detectable = power.detectable(usual.value, smallest, power=aim, direction=direction, **asked)
            chance = power.power_of(usual.value, sign * wanted, max(smallest, 2), **asked)
    except InvalidInputError:
        return Power(baseline=usual.value, wanted=wanted)
    days = None
    if usual.people_per_hour and (document.get("kind") == "landing_page" or document.get("journey")):
        shares = [float(arm.get("share") or 0) for arm in document.get("arms", ())]
        each = needed / (asked["arms"] * (min(shares, default=0) or 1 / asked["arms"]))  # the smallest arm fills last
        hours = power.duration_hours(math.ceil(each), asked["arms"], usual.people_per_hour)
        days = hours / 24 if hours else None
    return Power(baseline=usual.value, detectable=detectable, wanted=wanted, chance=chance, needed=needed, days=days)


def sentences_of(
    document: Mapping[str, Any],
    found: Power,
    tested: int | None,
    smallest: int | None,
    audience: int | None,
    hours_to_react: float | None = None,
) -> tuple[str, ...]:
    """The same in words, the most important first."""
    metric = str(document.get("primary"))
    said = []
    if tested is not None and smallest is not None and found.baseline is not None:
        said.append(_can_find(metric, found, tested, smallest))
    if found.needed is not None and found.wanted is not None:
        difference = difference_of(metric, found.wanted).replace("+", "")
        lead = f"To find {difference}, each variant needs about {about(found.needed)} people"
        enough = smallest is not None and smallest >= found.needed
        said.append(f"{lead}; it has {smallest:,}: enough." if enough else f"{lead}.")
        arms = len(document.get("arms", ()))
        if audience is not None and not enough:
            said.append(_advice(found.needed * arms, audience))
        if found.days is not None:
            who = "people" if document.get("journey") else "visitors"
            said.append(f"With as many {who} as usual that takes {span_of(round(found.days * 24))}.")
    if hours_to_react and hours_to_react > float(document.get("duration_hours") or hours_to_react):
        said.append(f"Nine of ten reactions come within {span_of(math.ceil(hours_to_react))}: let it run as long.")
    return tuple(said)


def coming_words(came: Passing, expected: int | None, hours: float) -> str:
    """How many people will come to a split, and from what that is said."""
    if expected is None:
        if came.per_hour is not None:
            return "Say how long it runs, to see how many people will come."
        known = {0: "Nobody", 1: "One person"}.get(len(came.people), f"Only {len(came.people):,} people")
        return f"{known} came to this split in the last {DAYS} days: too few to say how many will."
    return f"About {about(expected)} people come to this split in {span_of(hours)}, as in the last {DAYS} days."


def _can_find(metric: str, found: Power, tested: int, smallest: int) -> str:
    people = f"With {tested:,} people in the test, {smallest:,} per variant,"
    if found.detectable is None:
        return f"{people} no difference could be found: they are too few."
    baseline = found.baseline or 0.0
    sign = METRICS[metric].sign if metric in METRICS else 1
    other = value_of(metric, baseline + sign * found.detectable)
    return (
        f"{people} you can find a difference of {difference_of(metric, found.detectable).replace('+', '')} or more:"
        f" a {metric_words(metric).lower()} of {value_of(metric, baseline)} against {other}."
    )


def _advice(people: int, audience: int) -> str:
    if people <= audience:
        return f"Put {people / audience:.0%} of the audience into the test to be able to find it."
    return (
        f"Even the whole audience of {audience:,} is too small for that: compare versions that differ more, or take a"
        " measure that happens more often."
    )
