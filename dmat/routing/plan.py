"""Rules of routing as data: who is meant for which lead, in which order, and how long they may take to answer.

Belongs here: the shape of rules, their JSON Schema, the place of each fault, keeping versions. Stays out: deciding
(`decide.py`).

Rules are looked at by priority (high, medium, low), those of one priority in their order. The first that fits a lead
and means somebody decides; who of them gets the lead is a matter of load (`decide.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.engine import Connection

from dmat.documents import read
from dmat.errors import ConflictError, InvalidInputError
from dmat.routing.reps import Key, read_reps
from dmat.scoring.leads import SIZES, SOURCES
from dmat.store.engine import Store, rows_of
from dmat.store.lead_tables import routing_versions
from dmat.store.workspace_values import write_audit

PRIORITIES = ("high", "medium", "low")
Words = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=200)]


class Part(BaseModel):
    """What all parts of a plan share: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class When(Part):
    """Which leads a rule is for; what is left out does not matter, texts are compared without case."""

    score_over: float | None = Field(None, ge=0, le=10_000)
    countries: Words = Field([], description="ISO 3166 codes")
    regions: Words = Field([], description="states or regions, e.g. California")
    industries: Words = []
    company_sizes: Words = Field([], description=", ".join(SIZES))
    sources: Words = Field([], description=", ".join(SOURCES))

    @field_validator("company_sizes")
    @classmethod
    def _sizes(cls, values: list[str]) -> list[str]:
        return _known(values, SIZES)

    @field_validator("sources")
    @classmethod
    def _sources(cls, values: list[str]) -> list[str]:
        return _known(values, SOURCES)


def _known(values: list[str], allowed: tuple[str, ...]) -> list[str]:
    unknown = [value for value in values if value not in allowed]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not known; {', '.join(allowed)}")
    return values


class ToRep(Part):
    """One rep, by key."""

    to: Literal["rep"]
    rep: Key


class ToMany(Part):
    """Several reps: those whose territory or industry fits the lead, the managers, or all."""

    to: Literal["territory", "specialist", "manager", "anyone"]


class RoutingRule(Part):
    """One rule. `when_full` says what to do when all who are meant have enough: wait in the queue, or go on."""

    key: Key
    name: Annotated[str, Field(max_length=200)] = ""
    priority: Literal["high", "medium", "low"] = "medium"
    when: When = When()
    then: Annotated[ToRep | ToMany, Field(discriminator="to")]
    when_full: Literal["queue", "next_rule"] = "queue"


class Ready(Part):
    """What a lead must have beside a score over the threshold."""

    email_engagement: bool = False
    company: bool = False


class RoutingPlan(Part):
    """The whole: what is ready, the rules, and the clock."""

    ready: Ready = Ready()
    rules: Annotated[list[RoutingRule], Field(min_length=1, max_length=200)]
    response_minutes: Annotated[int, Field(ge=1, le=10_080)] = 60
    contact_minutes: Annotated[int, Field(ge=1, le=10_080)] = 60
    reassigns: Annotated[int, Field(ge=0, le=10)] = 2
    unanswered_after_reassigns: Literal["manager", "pool"] = "manager"

    def in_order(self) -> Iterator[RoutingRule]:
        """The rules as they are looked at."""
        for priority in PRIORITIES:
            yield from (rule for rule in self.rules if rule.priority == priority)


DEFAULT: dict[str, Any] = {
    "rules": [
        {"key": "enterprise", "name": "Enterprises go to the manager", "priority": "high",
         "when": {"company_sizes": ["1000+"]}, "then": {"to": "manager"}, "when_full": "next_rule"},
        {"key": "territory", "name": "The rep of the territory", "then": {"to": "territory"}},
        {"key": "industry", "name": "The specialist of the industry", "then": {"to": "specialist"},
         "when_full": "next_rule"},
        {"key": "balance", "name": "Evenly among all", "priority": "low", "then": {"to": "anyone"}},
    ],
}  # fmt: skip


def parse_routing(document: Any) -> RoutingPlan:
    """A plan from a document.

    Raises:
        InvalidInputError: names the place of the first fault and what is allowed there.
    """
    plan = read(RoutingPlan, document, "plan")
    keys = [rule.key for rule in plan.rules]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise InvalidInputError(f"rules[{number}].key", f"{key!r} is there twice", "a key of its own")
    return plan


def routing_schema() -> dict[str, Any]:
    """The JSON Schema of a plan."""
    return RoutingPlan.model_json_schema()


def read_plan(connection: Connection) -> tuple[int, RoutingPlan]:
    """(version, plan) that applies; version 0 is the one that is delivered."""
    query = sa.select(routing_versions.c.version, routing_versions.c.document)
    rows = rows_of(connection, query.order_by(routing_versions.c.version.desc()).limit(1))
    if not rows:
        return 0, parse_routing(DEFAULT)
    return int(rows[0]["version"]), parse_routing(rows[0]["document"])


def keep_plan(
    store: Store, document: Any, now: datetime, by: str, note: str = "", expected: int | None = None
) -> tuple[int, RoutingPlan]:
    """Keep a new version, which applies from now on.

    Raises:
        InvalidInputError: see `parse_routing`; or a rule gives leads to a rep who is not there.
        ConflictError: `expected` is not the version that applies.
    """
    plan = parse_routing(document)
    with store.write() as connection:
        _check_reps(connection, plan)
        version, _ = read_plan(connection)
        if expected is not None and expected != version:
            raise ConflictError(f"the rules of routing are at version {version}, not {expected}")
        row = {
            "version": version + 1, "document": plan.model_dump(mode="json"), "note": note, "created_at": now,
            "created_by": by,
        }  # fmt: skip
        connection.execute(sa.insert(routing_versions).values(row))
        write_audit(connection, now, by, "routing rules changed", str(version + 1), note=note)
    return version + 1, plan


def _check_reps(connection: Connection, plan: RoutingPlan) -> None:
    known = [rep.rep_key for rep in read_reps(connection)]
    for number, rule in enumerate(plan.rules):
        if isinstance(rule.then, ToRep) and rule.then.rep not in known:
            allowed = ", ".join(known) or "add the rep first"
            raise InvalidInputError(f"rules[{number}].then.rep", f"there is no sales rep {rule.then.rep!r}", allowed)
