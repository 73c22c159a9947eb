"""What an analysis takes and gives: design, observation, and the results as objects that say themselves in words.

Belongs here: the shapes. Stays out: how figures are computed (`analysis.py`) and what is done about them (`decide.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from dmat.errors import InvalidInputError
from dmat.experiments.metrics import METRICS, Metric
from dmat.experiments.moments import Moments

Inference = Literal["always_valid", "fixed", "group_sequential"]
INFERENCES = ("always_valid", "fixed", "group_sequential")
FAMILIES = ("holm", "bonferroni", "none")
DEFAULT_PLANNED = 1_000


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the ways that are compared; `share` is its part of the people in the test."""

    key: str
    name: str = ""
    share: float = 0.5

    @property
    def title(self) -> str:
        """What a marketer calls it."""
        return self.name or self.key.upper()


@dataclass(frozen=True)
class Design:
    """The plan of a test as far as the statistics need it; fixed when the test starts.

    `mde` is the smallest difference worth finding, in units of the metric (0.02 is two points).
    `planned_n_per_arm` also tunes where the always-valid interval is narrowest. `look_fractions` are the planned looks
    of a group-sequential test; `spending` names its convention: `obrien_fleming` or `pocock`, each side spending
    alpha / 2, or `obrien_fleming_two_sided`. `extra_metrics` are metrics beyond the list.

    Raises:
        InvalidInputError: names the field that does not fit.
    """

    arms: tuple[Arm, ...]
    control: str
    primary: str
    guardrails: tuple[str, ...] = ()
    inference: Inference = "always_valid"
    alpha: float = 0.05
    power: float = 0.8
    mde: float | None = None
    planned_n_per_arm: int | None = None
    family: str = "holm"
    look_fractions: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8, 1.0)
    spending: str = "obrien_fleming"
    guardrail_margin: float = 0.1
    extra_metrics: tuple[Metric, ...] = ()

    def __post_init__(self) -> None:
        keys = [arm.key for arm in self.arms]
        if len(keys) < 2 or len(set(keys)) != len(keys):
            raise InvalidInputError("arms", f"{keys}", "two or more, each with a key of its own")
        if any(not arm.share > 0 for arm in self.arms):
            raise InvalidInputError("arms", "an arm has no share", "shares above 0")
        if self.control not in keys:
            raise InvalidInputError("control", repr(self.control), ", ".join(keys))
        if self.inference not in INFERENCES:
            raise InvalidInputError("inference", repr(self.inference), ", ".join(INFERENCES))
        if self.family not in FAMILIES:
            raise InvalidInputError("family", repr(self.family), ", ".join(FAMILIES))
        for name, value in (("alpha", self.alpha), ("power", self.power)):
            if not 0 < value < 1:
                raise InvalidInputError(name, str(value), "above 0 and below 1")
        if self.planned_n_per_arm is not None and self.planned_n_per_arm < 1:
            raise InvalidInputError("planned_n_per_arm", str(self.planned_n_per_arm), "1 or more")
        for key in (self.primary, *self.guardrails):
            self.metric(key)

    def metric(self, key: str) -> Metric:
        """The metric of a key, from the extra ones or the list."""
        found = self._metrics.get(key)
        if found is None:
            allowed = sorted({metric.key for metric in self._metrics.values()})
            raise InvalidInputError("metric", f"{key!r} is no metric", ", ".join(allowed))
        return found

    @cached_property
    def _metrics(self) -> dict[str, Metric]:
        return METRICS | {metric.key: metric for metric in self.extra_metrics}

    @property
    def planned(self) -> int:
        """People per arm that the intervals are tuned for."""
        return self.planned_n_per_arm or DEFAULT_PLANNED

    def title(self, key: str) -> str:
        """What marketers call an arm."""
        return next(arm.title for arm in self.arms if arm.key == key)


@dataclass(frozen=True)
class Observed:
    """What has been seen: people assigned to each arm and the moments of each arm and metric.

    `looks` counts the looks so far, this one included; `look_fractions` are the parts of the planned people at the
    looks of a group-sequential test so far, this one included (empty: the planned looks were kept). `settled` counts
    the people of each arm whom the gate let through, for a second test of the sample ratio (empty: not known).
    `expected`: people that each arm was to get when shares change, the sum of propensities (empty: by shares).
    """

    assigned: Mapping[str, int]
    moments: Mapping[str, Mapping[str, Moments]]
    looks: int = 1
    elapsed_hours: float = 0.0
    crossovers: int = 0
    early_conversions: int = 0
    carried_over: int = 0
    look_fractions: tuple[float, ...] = ()
    settled: Mapping[str, int] = field(default_factory=dict)
    expected: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm and metric. `rate` is the rate, mean or ratio; the interval is two-sided at 1 - alpha."""

    arm: str
    metric: str
    people: int
    hits: float
    rate: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    probability_best: float | None
    expected_loss: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against the control on one metric.

    `difference` is in units of the metric, `lift` relative to the control (0.1 is 10 % more). The intervals are at the
    level at which the family tested this arm, so that zero lies outside exactly when `is_significant`, in both.
    `p` is the p-value of the chosen inference, `p_adjusted` that within the family. `probability_better` is Bayesian
    and another statement. `needed_per_arm`: more people per arm until a difference as large as the one seen would be
    significant with the planned power; None when that is far off.
    """

    arm: str
    control: str
    metric: str
    difference: float | None
    low: float | None
    high: float | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    p: float | None
    p_adjusted: float | None
    is_significant: bool
    is_better: bool
    probability_better: float | None
    expected_loss: float | None
    level: float
    method: str


Level = Literal["ok", "warn", "block"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One point of health: `check` is its key, `level` what it means for the decision."""

    check: str
    level: Level
    message: str
    p: float | None = None


@dataclass(frozen=True, slots=True)
class GuardrailVerdict:
    """What an arm did to a guardrail: `worse` (proven), `safe` (proven within the margin) or `unclear`."""

    arm: str
    metric: str
    kind: Literal["worse", "safe", "unclear"]
    message: str


@dataclass(frozen=True)
class Analysis:
    """Everything that is known of a test at one look."""

    design: Design
    primary: str
    arms: tuple[ArmResult, ...]
    comparisons: tuple[Comparison, ...]
    guardrails: tuple[GuardrailVerdict, ...]
    health: tuple[Finding, ...]
    family: str
    people_needed_per_arm: int | None
    people_needed_at_once: int | None
    current_power: float | None
    sentences: tuple[str, ...]
    is_exploratory: bool = False

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        return " ".join(self.sentences)

    def arm(self, key: str, metric: str | None = None) -> ArmResult:
        """The result of one arm, on the primary metric unless said otherwise."""
        chosen = metric or self.primary
        for result in self.arms:
            if result.arm == key and result.metric == chosen:
                return result
        raise InvalidInputError("arm", f"no result of {key!r} on {chosen!r}", "an arm and metric of this analysis")

    def comparison(self, key: str, metric: str | None = None) -> Comparison:
        """One arm against the control, on the primary metric unless said otherwise."""
        chosen = metric or self.primary
        for result in self.comparisons:
            if result.arm == key and result.metric == chosen:
                return result
        raise InvalidInputError("arm", f"no comparison of {key!r} on {chosen!r}", "an arm that is not the control")

    @property
    def health_level(self) -> Level:
        """The worst level among the findings."""
        levels: tuple[Level, ...] = ("block", "warn")
        return next((level for level in levels if any(f.level == level for f in self.health)), "ok")
