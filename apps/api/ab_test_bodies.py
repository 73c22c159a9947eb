"""What the doors for tests take: bodies, in camelCase or snake_case, and how they become the plan of a test.

Belongs here: shapes of requests and their translation. Stays out: plans (`dmat/experiments/plan.py` reads them, with
faults that name the place) and what is done with them (`ab_tests.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from dmat.errors import InvalidInputError
from dmat.experiments.plan import TestPlan, as_document, parse_test_plan
from dmat.experiments.variations import make_variation, only_step
from dmat.settings import Settings
from dmat.store import Store

PERCENT = 100.0
_LETTERS = "abcdef"
_ALIKE = {
    "test_percentage": "test_share", "success_metric": "primary", "guardrail_metrics": "guardrails",
    "sample_per_variation": "sample_per_arm",
}  # fmt: skip
_SAME = (
    "name", "hypothesis", "duration_hours", "inference", "allocation", "exclusion_group", "waves", "mde", "alpha",
    "power", "conversion_days", "control", "page", "form", "key",
)  # fmt: skip
_OF_RULE = {
    "auto_send_winner": "auto", "success_metric_reason": "metric_reason", "caring_threshold": "caring_threshold",
    "min_per_variation": "min_per_arm", "at_deadline": "at_deadline",
}  # fmt: skip
_PLACES = {
    "test_share": "testPercentage", "primary": "successMetric", "sample_per_arm": "samplePerVariation",
    "guardrails": "guardrailMetrics", "rule.metric_reason": "successMetricReason", "arms": "variations",
    "duration_hours": "durationHours", "campaign_id": "campaignId", "exclusion_group": "exclusionGroup",
}  # fmt: skip


class Body(BaseModel):
    """What all bodies share: unknown fields are refused; `testPercentage` and `test_percentage` are the same."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class VariationContent(Body):
    """What a variation has instead of the step: template, subject, time, pool of codes, parts of the message."""

    template: Annotated[str, Field(max_length=100)] = ""
    subject: Annotated[str, Field(max_length=300)] = ""
    time: Annotated[str, Field(max_length=5)] = ""
    code_pool: Annotated[str, Field(max_length=100)] = ""
    steps: list[str] | None = None
    url: Annotated[str, Field(max_length=2000)] = ""
    parts: dict[str, Annotated[str, Field(max_length=100_000)]] = {}


class Variation(Body):
    """One arm; its content as text is the subject of an e-mail, else the text of the message."""

    key: Annotated[str, Field(max_length=20)] = ""
    name: Annotated[str, Field(max_length=200)] = ""
    traffic_percentage: float | None = Field(None, gt=0, le=100, description="of the people in the test; empty: equal")
    content: Annotated[str, Field(max_length=100_000)] | VariationContent = ""
    levels: dict[str, str] = {}


class ConfigOfTest(Body):
    """How a test is run; what is left out stays."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    hypothesis: Annotated[str, Field(max_length=2000)] | None = None
    test_percentage: float | None = Field(None, gt=0, le=100, description="of the audience; the others wait")
    duration_hours: float | None = Field(None, gt=0)
    sample_per_variation: int | None = Field(None, ge=1)
    success_metric: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="as ctr, read_rate, reply_rate"
    )
    success_metric_reason: Annotated[str, Field(max_length=500)] | None = Field(
        None, description="why opens may decide"
    )
    guardrail_metrics: list[str] | None = None
    auto_send_winner: bool | None = None
    caring_threshold: float | None = None
    min_per_variation: int | None = None
    at_deadline: Annotated[str, Field(max_length=20)] | None = None
    inference: Annotated[str, Field(max_length=20)] | None = None
    allocation: Annotated[str, Field(max_length=20)] | None = None
    exclusion_group: Annotated[str, Field(max_length=60)] | None = None
    waves: int | None = None
    mde: float | None = None
    alpha: float | None = None
    power: float | None = None
    conversion_days: int | None = None
    control: Annotated[str, Field(max_length=20)] | None = None
    page: Annotated[str, Field(max_length=500)] | None = None
    form: Annotated[str, Field(max_length=100)] | None = None
    key: Annotated[str, Field(max_length=60)] | None = None

    def settings_of_plan(self) -> dict[str, Any]:
        """The fields that are given, as a plan names them."""
        found: dict[str, Any] = {}
        for name in (*_SAME, *_ALIKE):
            value = getattr(self, name)
            if value is not None:
                found[_ALIKE.get(name, name)] = value / PERCENT if name == "test_percentage" else value
        rule = {to: value for name, to in _OF_RULE.items() if (value := getattr(self, name)) is not None}
        return found | ({"rule": rule} if rule else {})


class TestToChange(ConfigOfTest):
    """Changes to a test."""

    __test__ = False

    version: int | None = Field(None, ge=1, description="the version that you change")
    variations: list[Variation] | None = Field(None, min_length=2, max_length=6)
    note: Annotated[str, Field(max_length=500)] = ""


class TestToMake(ConfigOfTest):
    """A new test: with these fields, or whole as `plan`."""

    __test__ = False

    campaign_id: int | None = Field(None, ge=1)
    step: Annotated[str, Field(max_length=60)] = Field("", description="of the campaign; needed when it has several")
    kind: Annotated[str, Field(max_length=20)] = Field("", description="empty: by what the variations differ in")
    variations: list[Variation] = Field([], max_length=6)
    plan: dict[str, Any] | None = Field(None, description="a whole plan (GET /api/ab-tests/plan-schema) instead")


class WinnerToDeclare(Body):
    """Which variation wins, by its key, and why."""

    variation: Annotated[str, Field(max_length=20)] = ""
    variation_id: Annotated[str, Field(max_length=20)] = ""
    reason: Annotated[str, Field(min_length=1, max_length=2000)]

    @property
    def arm(self) -> str:
        """The key of the arm, under either name."""
        return self.variation or self.variation_id


@contextmanager
def naming_the_variation(field: str) -> Iterator[None]:
    """What is wrong with an arm, under the name that the body has for it.

    Raises:
        InvalidInputError: names `field`.
    """
    try:
        yield
    except InvalidInputError as error:
        if error.field != "arm":
            raise
        raise InvalidInputError(field, error.problem.replace("arm", "variation", 1), error.allowed) from None


class WhyStopped(Body):
    """Why a test is stopped, and which variation all others get; empty: nobody else gets anything."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    rest: Annotated[str, Field(max_length=20)] = ""


class Reason(Body):
    """A reason in words."""

    reason: Annotated[str, Field(max_length=2000)] = ""


def plan_to_make(settings: Settings, store: Store, body: TestToMake, by: str) -> TestPlan:
    """The plan of a new test; templates of variations that are given as words are made.

    Raises:
        InvalidInputError: names the place as the body has it. NotFoundError: there is no such campaign.
    """
    if body.plan is not None:
        return parse_test_plan(body.plan)
    if not body.name:
        raise InvalidInputError("name", "a test needs a name", "1 to 200 signs")
    if len(body.variations) < 2:
        raise InvalidInputError("variations", "there is nothing to compare", "2 to 6 variations")
    step = body.step or (only_step(store, body.campaign_id) if body.campaign_id and not _has_steps(body) else "")
    document = body.settings_of_plan() | {
        "campaign_id": body.campaign_id, "step": step,
        "arms": arms_of(settings, store, body.variations, body.campaign_id, step, by),
    }  # fmt: skip
    document["kind"] = body.kind or _kind_of(document)
    return read_plan(document)


def plan_to_change(settings: Settings, store: Store, body: TestToChange, plan: TestPlan, by: str) -> TestPlan:
    """The plan of a test with what the body changes.

    Raises:
        InvalidInputError: names the place as the body has it.
    """
    document, changes = as_document(plan), body.settings_of_plan()
    changes["rule"] = document["rule"] | changes.get("rule", {})
    if body.variations is not None:
        changes["arms"] = arms_of(settings, store, body.variations, plan.campaign_id, plan.step, by)
    return read_plan(document | changes)


def read_plan(document: dict[str, Any]) -> TestPlan:
    """Read a plan; faults name the field of the body.

    Raises:
        InvalidInputError: names the place.
    """
    try:
        return parse_test_plan(document)
    except InvalidInputError as error:
        place = next((new for old, new in _PLACES.items() if error.field == old), error.field)
        place = (
            place.replace("arms[", "variations[")
            .replace(".overrides", ".content")
            .replace(".share", ".trafficPercentage")
        )
        raise InvalidInputError(place, error.problem, error.allowed) from None


def arms_of(
    settings: Settings, store: Store, variations: list[Variation], campaign_id: int | None, step: str, by: str
) -> list[dict[str, Any]]:
    """Variations as the arms of a plan.

    Raises:
        InvalidInputError: only some say their share, or a part of a message that there is not.
    """
    given = [each.traffic_percentage for each in variations]
    if None in given and any(share is not None for share in given):
        raise InvalidInputError(
            "variations", "some say their trafficPercentage and some do not", "all of them, or none"
        )
    found = []
    for number, each in enumerate(variations):
        key = each.key or _LETTERS[number]
        share = 1 / len(variations) if each.traffic_percentage is None else each.traffic_percentage / PERCENT
        overrides = _overrides(settings, store, each, campaign_id, step, key, by)
        found.append({"key": key, "name": each.name, "share": share, "overrides": overrides, "levels": each.levels})
    return found


def _overrides(
    settings: Settings, store: Store, variation: Variation, campaign_id: int | None, step: str, key: str, by: str
) -> dict[str, Any]:
    content = variation.content
    if isinstance(content, str):
        if not content:
            return {}
        content = _as_content(store, content, campaign_id, step)
    found = {name: value for name, value in content.model_dump(exclude={"parts"}).items() if value}
    if content.parts and campaign_id is not None:
        found["template"] = make_variation(settings, store, campaign_id, step, key, content.parts, by)
    return found


def _as_content(store: Store, text: str, campaign_id: int | None, step_key: str) -> VariationContent:
    from dmat.campaigns.records import find_campaign

    if campaign_id is None:
        return VariationContent(url=text)
    with store.read() as connection:
        step = find_campaign(connection, campaign_id).plan.step(step_key)
    channel = step.channel if step is not None else "email"
    if channel == "email":
        return VariationContent(subject=text)
    return VariationContent(parts={"body" if channel in ("push", "in_app") else "text": text})


def _has_steps(body: TestToMake) -> bool:
    contents = (each.content for each in body.variations)
    return any(isinstance(content, VariationContent) and content.steps is not None for content in contents)


def _kind_of(document: dict[str, Any]) -> str:
    given = {name for arm in document["arms"] for name in arm["overrides"]}
    if any(arm["levels"] for arm in document["arms"]):
        return "factorial"
    for name, kind in (("steps", "frequency"), ("time", "send_time"), ("code_pool", "offer"), ("template", "content"),
                       ("subject", "subject")):  # fmt: skip
        if name in given:
            return kind
    return "landing_page" if document.get("page") else "content" if document["campaign_id"] else "custom"
