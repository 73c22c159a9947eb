"""The plan of a test: what is tested on whom, with which arms, for how long, by which metric, and who decides.

Belongs here: the shapes and what makes a plan whole in itself. Stays out: whether its campaign, step and templates
exist (`fitting.py`), keeping it (`library.py`), statistics (`analysis.py` and what it uses).

>>> plan = parse_test_plan({
...     "name": "Subject of the sale", "kind": "subject", "campaign_id": 7, "step": "mail", "test_share": 0.2,
...     "duration_hours": 4, "primary": "ctr",
...     "arms": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5, "overrides": {"subject": "Only today"}}]})

Shares of the arms add up to 1 and are shares of the people in the test; `test_share` is the share of the audience that
is in the test, the others wait for the winner.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from dmat import forms
from dmat.documents import OneLine, read_document
from dmat.errors import InvalidInputError
from dmat.experiments.metrics import find_metric

Kind = Literal[
    "content", "subject", "media", "offer", "send_time", "frequency", "landing_page", "factorial", "custom",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
OF_A_CAMPAIGN = ("content", "subject", "media", "offer", "send_time", "frequency")
"""Kinds that test a step of a campaign, or the split of a journey; the others may."""
OF_A_JOURNEY = (*OF_A_CAMPAIGN, "custom")
MOST_ARMS, MOST_GUARDRAILS, MOST_WAVES, LARGEST_PLAN = 6, 6, 50, 100_000

ArmKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,19}$")]
PlanKey = Annotated[str, Field(pattern=forms.OR_NOTHING + forms.KEY)]
WebAddress = Annotated[str, Field(max_length=2000, pattern=forms.OR_NOTHING + forms.LINK)]


def _metric(given: str) -> str:
    try:
        return find_metric(given).key
    except InvalidInputError as error:
        raise ValueError(f"{error.problem}; {error.allowed}") from None


Metric = Annotated[str, Field(max_length=40), AfterValidator(_metric)]


class Part(BaseModel):
    """What every part of a plan is: it cannot be changed, and a word it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Overrides(Part):
    """What an arm has instead of the step or page; empty: as it is there."""

    template: str = Field("", max_length=100, description="key of a template of the step's channel")
    template_version: int | None = Field(None, ge=1, description="set at the start: what was tested is rolled out")
    subject: OneLine = ""
    time: str = Field("", pattern=forms.OR_NOTHING + forms.TIME, description="time of the step's day")
    code_pool: str = Field("", max_length=100, description="each person gets a code of this pool")
    steps: tuple[str, ...] | None = Field(None, max_length=100, description="keys of the steps that the arm gets")
    url: WebAddress = Field("", description="page that visitors of the arm are led to")


class Arm(Part):
    """One of the things that are compared.

    Attributes:
        share: of the people in the test; all shares add up to 1.
        levels: factor -> level, in factorial tests.
    """

    key: ArmKey
    name: str = Field("", max_length=200)
    share: float = Field(gt=0, le=1)
    overrides: Overrides = Overrides()
    levels: dict[str, str] = Field({}, max_length=2)

    @property
    def shown_name(self) -> str:
        """Its name, or else its key as a capital letter."""
        return self.name or self.key.upper()


class DecisionRule(Part):
    """Who decides, and by what.

    Attributes:
        caring_threshold: an expected loss below it is nothing to wait for, in units of the metric (0.001 is a tenth
            of a point, 5 is five cents); 0 waits for proof or the end.
        min_per_arm: nothing is decided before each arm has so many people.
        metric_reason: why opens decide, when they do: machines open mails too.
    """

    auto: bool = True
    caring_threshold: float = Field(0.0, ge=0)
    min_per_arm: int = Field(100, ge=1, le=10_000_000)
    at_deadline: Literal["choose_best", "keep_control", "ask"] = "choose_best"
    metric_reason: str = Field("", max_length=500)


class TestPlan(Part):
    """A whole plan of a test."""

    __test__: ClassVar[bool] = False  # no test case, whatever its name begins with

    name: str = Field(min_length=1, max_length=200)
    key: PlanKey = Field("", description="its name in addresses and pages; empty: made of its number")
    hypothesis: str = Field("", max_length=2000)
    kind: Kind = "content"
    campaign_id: int | None = Field(None, ge=1)
    journey: PlanKey = Field("", description="key of a journey whose split is tested, instead of a campaign")
    step: str = Field("", max_length=60, description="key of the campaign's step, or of the journey's split")
    page: str = Field("", max_length=500, pattern=forms.OR_NOTHING + forms.PATH, description="path as / or /sale/*")
    form: str = Field("", max_length=100, description="which form counts as completed; empty: any")
    arms: tuple[Arm, ...] = Field(min_length=2, max_length=MOST_ARMS)
    control: str = Field("", max_length=20, description="key of the arm that the others are compared with; first")
    test_share: float = Field(1.0, gt=0, le=1, description="share of the audience that is in the test")
    sample_per_arm: int | None = Field(None, ge=1, le=10_000_000, description="people per arm at most")
    duration_hours: float | None = Field(None, gt=0, le=24 * 90)
    primary: Metric = "click"
    guardrails: tuple[Metric, ...] = Field(("unsubscribe", "complaint"), max_length=MOST_GUARDRAILS)
    inference: Literal["always_valid", "fixed", "group_sequential"] = "always_valid"
    alpha: float = Field(0.05, ge=0.001, le=0.2)
    power: float = Field(0.8, ge=0.5, le=0.99)
    mde: float | None = Field(None, gt=0, description="the smallest difference worth finding, in the metric's unit")
    rule: DecisionRule = DecisionRule()
    exclusion_group: PlanKey = Field("", description="nobody is in two tests of a group at once")
    allocation: Literal["fixed", "bandit"] = "fixed"
    waves: int = Field(5, ge=2, le=MOST_WAVES, description="of a bandit: the people of the test come in so many parts")
    conversion_days: int = Field(7, ge=1, le=90, description="an order within that many days counts")

    @property
    def control_key(self) -> str:
        """The arm that the others are compared with."""
        return self.control or self.arms[0].key

    @property
    def arm_keys(self) -> tuple[str, ...]:
        """Keys of the arms in their order."""
        return tuple(arm.key for arm in self.arms)

    @property
    def shares(self) -> dict[str, float]:
        """Arm -> its share of the people in the test."""
        return {arm.key: arm.share for arm in self.arms}

    @property
    def is_of_a_campaign(self) -> bool:
        """Whether people get it by a step of a campaign."""
        return self.campaign_id is not None

    @property
    def is_of_a_journey(self) -> bool:
        """Whether people get it by the split of a journey."""
        return bool(self.journey)

    @property
    def steps(self) -> tuple[str, ...]:
        """Keys of the campaign's steps that it touches."""
        if self.kind != "frequency":
            return (self.step,) if self.step else ()
        return tuple(dict.fromkeys(key for arm in self.arms for key in arm.overrides.steps or ()))

    def arm(self, key: str) -> Arm | None:
        """The arm with this key."""
        return next((arm for arm in self.arms if arm.key == key), None)

    @field_validator("guardrails")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))

    @model_validator(mode="after")
    def _arms_are_whole(self) -> TestPlan:
        if len(set(self.arm_keys)) != len(self.arms):
            raise ValueError("two arms have the same key")
        if abs(sum(arm.share for arm in self.arms) - 1) > 1e-6:
            raise ValueError("the shares of the arms do not add up to 1")
        if self.control and self.arm(self.control) is None:
            raise ValueError(f"the control {self.control!r} is none of the arms {', '.join(self.arm_keys)}")
        return self

    @model_validator(mode="after")
    def _has_its_place(self) -> TestPlan:
        if self.is_of_a_journey:
            return self
        if self.kind in OF_A_CAMPAIGN and self.campaign_id is None:
            raise ValueError(f"a test of {self.kind} needs the number of a campaign in campaign_id")
        if self.campaign_id is not None and self.kind != "frequency" and not self.step:
            raise ValueError("say in step which step of the campaign is tested")
        if self.kind == "landing_page" and not self.page:
            raise ValueError("a test of a landing page says in page which one, as /offer")
        return self

    @model_validator(mode="after")
    def _fits_a_journey(self) -> TestPlan:
        fault = _journey_fault(self) if self.is_of_a_journey else ""
        if fault:
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _ends(self) -> TestPlan:
        if self.duration_hours is None and self.sample_per_arm is None:
            raise ValueError("give duration_hours, sample_per_arm or both")
        if self.inference != "always_valid" and self.duration_hours is None:
            raise ValueError(f"{self.inference} inference needs duration_hours: it concludes at the end")
        if self.allocation == "bandit" and self.duration_hours is None:
            raise ValueError("a bandit needs duration_hours: its waves are spread over them")
        if self.exclusion_group and self.sample_per_arm is not None:
            raise ValueError("in an exclusion group say how many by test_share, not by sample_per_arm")
        return self

    @model_validator(mode="after")
    def _opens_say_why(self) -> TestPlan:
        if self.rule.auto and find_metric(self.primary).is_weak_evidence and not self.rule.metric_reason:
            raise ValueError("machines open mails too: say in rule.metric_reason why opens may decide, or take click")
        return self

    @model_validator(mode="after")
    def _arms_differ(self) -> TestPlan:
        fault = "" if self.is_of_a_journey else _FAULTS.get(self.kind, _no_fault)(self)
        if fault:
            raise ValueError(fault)
        return self


def _journey_fault(plan: TestPlan) -> str:
    """The ways of the split are what differs; everybody who reaches it is in the test."""
    if plan.kind not in OF_A_JOURNEY:
        return f"a test inside a journey is of {', '.join(OF_A_JOURNEY)}, not of {plan.kind}"
    if plan.campaign_id is not None or plan.page:
        return "a test is inside a journey, of a campaign or of a page: leave campaign_id and page empty"
    if not plan.step:
        return "say in step which split of the journey is tested"
    if any(arm.overrides != Overrides() for arm in plan.arms):
        return "inside a journey the ways of the split say what differs: leave the overrides of the arms empty"
    if plan.test_share != 1 or plan.exclusion_group or plan.allocation != "fixed":
        return "inside a journey everybody who reaches the split is in the test: no test_share, group or bandit"
    return ""


def _no_fault(_plan: TestPlan) -> str:
    return ""


def _subject_fault(plan: TestPlan) -> str:
    given = [arm.overrides.subject for arm in plan.arms]
    return "" if len(set(given)) == len(given) else "each arm needs a subject of its own (one may keep the step's)"


def _time_fault(plan: TestPlan) -> str:
    given = [arm.overrides.time for arm in plan.arms]
    return "" if all(given) and len(set(given)) == len(given) else "each arm needs a time of its own, as 09:00"


def _step_fault(plan: TestPlan) -> str:
    given = [arm.overrides.steps for arm in plan.arms]
    if any(steps is None for steps in given) or len(set(map(frozenset, (s or () for s in given)))) != len(given):
        return "each arm says in steps which steps of the campaign it gets, and no two say the same"
    return "" if plan.allocation == "fixed" else "a test of frequency has fixed shares"


def _offer_fault(plan: TestPlan) -> str:
    given = [(arm.overrides.code_pool, arm.overrides.template) for arm in plan.arms]
    return "" if len(set(given)) == len(given) else "each arm needs a code pool or a template of its own"


def _factorial_fault(plan: TestPlan) -> str:
    factors = sorted({name for arm in plan.arms for name in arm.levels})
    cells = {tuple(arm.levels.get(name, "") for name in factors) for arm in plan.arms}
    levels = [{cell[number] for cell in cells} for number in range(len(factors))]
    is_whole = len(factors) == 2 and len(plan.arms) == len(cells) == 4 and all(len(each) == 2 for each in levels)
    return "" if is_whole else "two factors with two levels each make four arms: say in levels which one each has"


_FAULTS = {
    "subject": _subject_fault, "send_time": _time_fault, "frequency": _step_fault, "offer": _offer_fault,
    "factorial": _factorial_fault,
}  # fmt: skip


def parse_test_plan(document: Any) -> TestPlan:
    """Read a plan from what JSON or YAML gave.

    Raises:
        InvalidInputError: names the place (as `arms[1].share`), what is wrong and what is allowed.
    """
    return read_document(TestPlan, document, "plan", LARGEST_PLAN)


def as_document(plan: TestPlan) -> dict[str, Any]:
    """A plan as JSON holds it."""
    return plan.model_dump(mode="json")


def plan_hash(plan: TestPlan) -> str:
    """The same for the same plan."""
    return hashlib.sha256(json.dumps(as_document(plan), sort_keys=True).encode()).hexdigest()


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of a plan."""
    return TestPlan.model_json_schema()
