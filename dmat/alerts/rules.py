"""Rules of alerts: what is watched, from when on it is worth telling, and who is told.

Belongs here: their shape, the ones that a new workspace has, reading and keeping them. Stays out: judging
(`judging.py`, `conditions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, Self

import sqlalchemy as sa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from dmat import forms
from dmat.clock import Clock
from dmat.documents import Address, read
from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.metrics.catalogue import load
from dmat.metrics.question import Filter, Question
from dmat.store.alert_tables import alert_rules
from dmat.store.engine import Store, rows_of, upsert
from dmat.store.workspace_values import write_audit

SHIPPED = Path(__file__).parent / "rules.yml"
KINDS = ("unusual", "threshold", "campaigns", "sources")
SEVERITIES = ("info", "warning", "urgent")
KEPT: Final = {"is_kept": True}


class AlertRule(BaseModel):
    """What is watched.

    Attributes:
        kind: `unusual`: a day that weekdays and trend do not explain; `threshold`: a figure over `days` crosses
            `value`, or its change against `compare` does; `campaigns`: campaigns that stopped or did not add up;
            `sources`: sources that fail or are late, tables that disagree, webhooks that nobody takes.
        metric, filters, segment: the figure, for the first two kinds.
        direction: `drop`, `rise` or `both`, for `unusual`; `below` or `above` for `threshold`.
        false_alarm_days: of chance alone, one alarm in so many days.
        least_change: the smallest relative distance from the forecast that is worth telling.
        value: the threshold: in the unit of the metric, or a relative change when there is something to compare with.
        least_base: for rates: the fewest that the rate must be a share of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    key: str = Field(pattern=forms.KEY)
    name: str = Field(min_length=1, max_length=120)
    kind: Literal["unusual", "threshold", "campaigns", "sources"]
    metric: str = Field("", max_length=80)
    filters: tuple[Filter, ...] = Field((), max_length=10)
    segment: str = Field("", max_length=120)
    direction: Literal["drop", "rise", "both", "below", "above"] = "both"
    false_alarm_days: int = Field(1000, ge=20, le=100_000)
    least_change: float = Field(0.0, ge=0, le=10)
    value: float | None = None
    days: int = Field(7, ge=1, le=366)
    compare: Literal["", "previous", "year"] = ""
    least_base: int = Field(0, ge=0)
    severity: Literal["info", "warning", "urgent"] = "warning"
    emails: tuple[Address, ...] = Field((), max_length=20)
    slack_channel: str = Field("", max_length=80, pattern=r"^$|^[#A-Za-z0-9][\w.-]{0,79}$")
    is_active: bool = True

    @field_validator("emails")
    @classmethod
    def _each_once(cls, emails: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(email.lower() for email in emails))

    @model_validator(mode="after")
    def _is_whole(self, info: ValidationInfo) -> Self:
        if self.kind in ("campaigns", "sources"):
            if self.metric:
                raise InvalidInputError("metric", f"a rule about {self.kind} has none", "leave it out")
            return self
        if not self.metric:
            raise InvalidInputError("metric", "it is missing", ", ".join(load().metrics))
        if info.context is not KEPT:
            self.question("last_7_days").check()
        wanted = ("drop", "rise", "both") if self.kind == "unusual" else ("below", "above")
        if self.direction not in wanted:
            raise InvalidInputError("direction", f"{self.direction} does not go with {self.kind}", ", ".join(wanted))
        if self.kind == "threshold" and self.value is None:
            raise InvalidInputError("value", "it is missing", "a number in the unit of the metric")
        return self

    def question(self, period: str = "", **more: Any) -> Question:
        """The question behind the figure that is watched."""
        return Question(metrics=(self.metric,), filters=self.filters, segment=self.segment, period=period, **more)


def read_rule(document: Mapping[str, Any], is_kept: bool = False) -> AlertRule:
    """A rule from its document.

    Args:
        document: as JSON has it.
        is_kept: it was checked when it was kept: a metric that is gone since is found when the rule is judged.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    return read(AlertRule, document, "rule", KEPT if is_kept else None)


@cache
def shipped_rules() -> tuple[AlertRule, ...]:
    """The rules that every workspace has until it changes them."""
    return tuple(read_rule(each, is_kept=True) for each in yaml.safe_load(SHIPPED.read_text()))


def read_rules(store: Store) -> tuple[AlertRule, ...]:
    """All rules that hold: the shipped ones, as the workspace changed them, and its own; by name."""
    with store.read() as connection:
        rows = rows_of(connection, sa.select(alert_rules))
    removed = {row["rule_key"] for row in rows if row["is_removed"]}
    found = {rule.key: rule for rule in shipped_rules()}
    found |= {row["rule_key"]: read_rule(row["document"], is_kept=True) for row in rows if not row["is_removed"]}
    return tuple(sorted((rule for key, rule in found.items() if key not in removed), key=lambda rule: rule.name))


def find_rule(store: Store, key: str) -> AlertRule:
    """One rule.

    Raises:
        NotFoundError: there is none of this key.
    """
    found = next((rule for rule in read_rules(store) if rule.key == key), None)
    if found is None:
        raise NotFoundError(f"no alert rule is called {key!r}")
    return found


def save_rule(store: Store, clock: Clock, document: Mapping[str, Any], by: str, is_new: bool = False) -> AlertRule:
    """Keep a rule, a new one or a changed one.

    Raises:
        InvalidInputError: names the field and what is allowed.
        ConflictError: it is said to be new, and another has its key.
    """
    rule, now = read_rule(document), clock.now()
    if is_new and any(each.key == rule.key for each in read_rules(store)):
        raise ConflictError(f"another alert rule is called {rule.key!r}")
    values = {"document": rule.model_dump(mode="json"), "is_removed": False, "updated_at": now, "updated_by": by}
    _write(store, rule.key, values, by, "alert rule saved")
    return rule


def remove_rule(store: Store, clock: Clock, key: str, by: str) -> None:
    """Take a rule away; its alerts close at the next look.

    Raises:
        NotFoundError: there is none of this key.
    """
    rule = find_rule(store, key)
    values = {"document": rule.model_dump(mode="json"), "is_removed": True, "updated_at": clock.now(), "updated_by": by}
    _write(store, key, values, by, "alert rule removed")


def _write(store: Store, key: str, values: Mapping[str, Any], by: str, action: str) -> None:
    with store.write() as connection:
        statement = upsert(connection, alert_rules).values(rule_key=key, version=1, **values)
        more = {**values, "version": alert_rules.c.version + 1}
        connection.execute(statement.on_conflict_do_update(index_elements=["rule_key"], set_=more))
        write_audit(connection, values["updated_at"], by, action, key, rule=values["document"])
