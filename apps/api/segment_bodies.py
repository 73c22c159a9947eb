"""What the doors for segments take: bodies, limits, and the examples of the documentation.

Belongs here: shapes of requests. Stays out: rules (`dmat/segments/rules.py` reads them, with faults that name the
place) and what is done with them (`segments.py`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

VIP_RULE = {
    "version": 1,
    "where": {
        "event": "ordered", "measure": "sum", "property": "net", "op": "greater_than", "value": 500,
        "window": {"last": {"amount": 60, "unit": "days"}},
    },
}  # fmt: skip
BRACKETS_RULE = {
    "version": 1,
    "where": {"all": [
        {"field": "has_email_consent", "op": "is_granted"},
        {"any": [
            {"field": "country_code", "op": "one_of", "value": ["DE", "AT"]},
            {"event": "ordered", "did": True, "window": {"last": {"amount": 30, "unit": "days"}}},
        ]},
    ]},
}  # fmt: skip
FLAT_RULES = {
    "groups": [
        {"operator": "AND", "rules": [
            {"attribute": "total_spend", "operator": ">", "value": 500, "within": "60 days"},
            {"attribute": "last_purchase", "operator": "within", "value": "60 days"},
        ]},
    ]
}  # fmt: skip

Document = Annotated[
    dict[str, Any],
    Field(description="A rule tree (GET /api/segments/rules/schema), or the flat format with `groups`."),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Tags = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=30)]


class Body(BaseModel):
    """What all bodies share: unknown fields are refused, and texts are texts."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _WithRule(Body):
    """A body with a rule, under `rule` or (as older integrations call it) `rules`."""

    rule: Document | None = None
    rules: Document | None = None

    @property
    def document(self) -> dict[str, Any] | None:
        """The rule, wherever it stood."""
        return self.rule if self.rule is not None else self.rules

    @model_validator(mode="after")
    def _has_one_rule_at_most(self) -> _WithRule:
        if self.rule is not None and self.rules is not None:
            raise ValueError("send either rule or rules")
        return self


class RuleToAnswer(_WithRule):
    """A rule to count or to check."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"rule": VIP_RULE, "sample": 5}, {"rule": BRACKETS_RULE}, {"rules": FLAT_RULES}]
        },
    )

    sample: Annotated[int, Field(ge=0, le=50, description="how many people to show")] = 10
    segment: Annotated[str, Field(max_length=100, description="key of the segment whose rule this would be")] = ""

    @model_validator(mode="after")
    def _has_a_rule(self) -> RuleToAnswer:
        if self.document is None:
            raise ValueError("send rule or rules")
        return self


class SegmentsToCompare(Body):
    """Segments to compare."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"segments": ["vip", "germany"]}]}
    )

    segments: Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=2, max_length=8)]


class SegmentToMake(_WithRule):
    """A new segment."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [
            {"name": "VIP, last 60 days", "key": "vip", "kind": "dynamic", "rule": VIP_RULE, "tags": ["vip"]},
            {"name": "VIP Customers Last 60 Days", "is_dynamic": True, "rules": FLAT_RULES},
        ]},
    )  # fmt: skip

    name: Name
    key: Annotated[str, Field(max_length=100, description="made from the name when left out")] = ""
    description: Annotated[str, Field(max_length=5000)] = ""
    kind: Literal["dynamic", "static"] = "dynamic"
    is_dynamic: Annotated[bool | None, Field(description="the same as kind, as older integrations say it")] = None
    folder: Annotated[str, Field(max_length=200)] = ""
    tags: Tags = []
    note: Annotated[str, Field(max_length=2000, description="why; kept with the version")] = ""

    @model_validator(mode="after")
    def _has_a_rule(self) -> SegmentToMake:
        if self.document is None:
            raise ValueError("send rule or rules")
        return self

    @property
    def wanted_kind(self) -> str:
        """dynamic or static, however it was said."""
        return self.kind if self.is_dynamic is None else kind_of(self.is_dynamic)


class SegmentToChange(_WithRule):
    """What to change of a segment; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"version": 1, "name": "VIP", "rule": VIP_RULE, "note": "from 400 to 500"}]},
    )

    version: Annotated[int | None, Field(ge=1, description="the version you change; or send If-Match")] = None
    name: Name | None = None
    description: Annotated[str | None, Field(max_length=5000)] = None
    kind: Literal["dynamic", "static"] | None = None
    is_dynamic: bool | None = None
    folder: Annotated[str | None, Field(max_length=200)] = None
    tags: Tags | None = None
    note: Annotated[str, Field(max_length=2000)] = ""

    @property
    def card(self) -> dict[str, Any]:
        """The fields of the card that are to change."""
        found = {name: getattr(self, name) for name in ("name", "description", "kind", "folder", "tags")}
        if self.is_dynamic is not None:
            found["kind"] = kind_of(self.is_dynamic)
        return {name: value for name, value in found.items() if value is not None}


def kind_of(is_dynamic: bool) -> str:
    """The kind as we call it."""
    return "dynamic" if is_dynamic else "static"
