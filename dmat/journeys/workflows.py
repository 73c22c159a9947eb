"""Workflows as other systems know them: one trigger, one action; kept as journeys, and what they did as executions.

Belongs here: turning the trigger and action types of the API into a definition, listing executions. Stays out: the
doors (`apps/api/workflows.py`), journeys with more than one step (`definition.py` reads them as they are).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.errors import InvalidInputError
from dmat.journeys.definition import Definition, parse_definition
from dmat.journeys.machine import COMPLETED, EXITED
from dmat.journeys.members import REFUSED
from dmat.journeys.steps import PROPERTY_NAME, PROPERTY_WORDS
from dmat.keys import key_of
from dmat.ledger.entries import REJECTED
from dmat.store.engine import Store, rows_of
from dmat.store.journey_tables import journey_actions, journey_members
from dmat.store.lead_tables import leads
from dmat.store.tables import ledger_entries

TRIGGERS = ("form_submit", "email_open", "link_click", "cart_abandon", "tag_added", "date_trigger")
ACTIONS = ("send_email", "send_sms", "assign_lead", "update_score", "create_task")
_MINUTES, _MOST_MINUTES = 60, 60 * 24 * 30
_EXIT_OF_CARTS = [{"event": "cart_ordered"}, {"event": "ordered"}]
_PLACES = (
    ("steps[0].template", "action_data.template_id"), ("steps[0].subject", "action_data.subject_line"),
    ("steps[0].values", "action_data"), ("steps[0].data", "action_data"), ("steps[0]", "action_data"),
    ("trigger", "trigger_condition"),
)  # fmt: skip
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Execution:
    """One entry of a person, as the API shows it; `lead_id` is None for somebody who is no lead."""

    execution_id: str
    person_id: int
    lead_id: int | None
    triggered_at: datetime
    status: str


@dataclass(frozen=True)
class Executions:
    """What a workflow did: total = successful + failed + running."""

    total: int
    successful: int
    failed: int
    recent: tuple[Execution, ...]

    @property
    def success_rate(self) -> float | None:
        """Of those that ended the share that did not fail; None when none ended."""
        ended = self.successful + self.failed
        return self.successful / ended if ended else None


def workflow_definition(
    name: str, trigger_type: str, condition: Values, action_type: str, data: Values, template_of: Callable[[Any], str]
) -> Definition:
    """A journey of one trigger and one action.

    Args:
        name: what people call it; its key is made from it.
        trigger_type, condition: one of `TRIGGERS` and what it says.
        action_type, data: one of `ACTIONS` and what it says.
        template_of: the key of a template from its key or number.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    trigger = _one_of(_TRIGGERS, "trigger_type", trigger_type)(condition)
    step = _one_of(_ACTIONS, "action_type", action_type)(data, template_of)
    document: dict[str, Any] = {
        "key": _key_of(name), "name": name, "trigger": trigger, "steps": [step],
        "goal": {"event": "ordered", "days": 7},
    }  # fmt: skip
    if trigger_type == "cart_abandon":
        document["exit_when"] = _EXIT_OF_CARTS
    return parse_definition(document)


def workflow_place(place: str) -> str:
    """A place in the journey that a workflow became, as a place in the workflow."""
    for ours, theirs in _PLACES:
        if place == ours or place.startswith((f"{ours}.", f"{ours}[")):
            return theirs + place[len(ours) :]
    return place


def _key_of(name: str) -> str:
    """A key made from a name."""
    key = key_of(name)
    if not key:
        raise InvalidInputError("name", "no key can be made of it", "a name with letters or digits")
    return key


def _one_of(table: Mapping[str, Any], field: str, value: str) -> Any:
    if value not in table:
        raise InvalidInputError(field, f"{value!r} is none", ", ".join(table))
    return table[value]


def _known(values: Values, field: str, allowed: tuple[str, ...]) -> None:
    for name in values:
        if name not in allowed:
            raise InvalidInputError(f"{field}.{name}", "is not known here", ", ".join(allowed))


def _number(values: Values, field: str, name: str, default: float, most: float) -> float:
    found = values.get(name, default)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found <= most:
        raise InvalidInputError(f"{field}.{name}", f"{found!r} is no such number", f"a number from 0 to {most:g}")
    return float(found)


# -- triggers --


def _cart(condition: Values) -> dict[str, Any]:
    where = "trigger_condition"
    _known(condition, where, ("cart_value_min", "minutes_after_abandon"))
    minutes = _number(condition, where, "minutes_after_abandon", _MINUTES, _MOST_MINUTES)
    least = _number(condition, where, "cart_value_min", 0, 10_000_000)
    return {"kind": "cart_abandoned", "after": f"{int(minutes)}m", "min_total_cents": round(least * 100)}


def _event(event: str, names: Mapping[str, str]) -> Callable[[Values], dict[str, Any]]:
    def trigger(condition: Values) -> dict[str, Any]:
        _known(condition, "trigger_condition", tuple(names))
        where = [{"name": names[name], "value": value} for name, value in condition.items()]
        return {"kind": "event", "event": event, "where": where}

    return trigger


def _tag(condition: Values) -> dict[str, Any]:
    """Somebody was given a tag (`properties.py`), by a journey or by another system at our door."""
    _known(condition, "trigger_condition", ("tag",))
    tag = str(condition.get("tag") or "")
    if not re.fullmatch(PROPERTY_NAME, tag):
        raise InvalidInputError("trigger_condition.tag", f"{tag!r} is no tag", PROPERTY_WORDS)
    return {"kind": "event", "event": "tagged", "where": [{"name": "tag", "value": tag}]}


def _date(condition: Values) -> dict[str, Any]:
    _known(condition, "trigger_condition", ("field", "days_before", "at", "part"))
    return {"kind": "date", "field": "birthday", **condition}


_TRIGGERS: Mapping[str, Callable[[Values], dict[str, Any]]] = {
    "form_submit": _event("form_submitted", {"form": "form", "page": "page"}),
    "email_open": _event("message_opened", {"campaign": "campaign", "step": "step"}),
    "link_click": _event("message_clicked", {"campaign": "campaign", "step": "step", "link": "link"}),
    "cart_abandon": _cart,
    "tag_added": _tag,
    "date_trigger": _date,
}

# -- actions --


def _send(channel: str) -> Callable[[Values, Callable[[Any], str]], dict[str, Any]]:
    def action(data: Values, template_of: Callable[[Any], str]) -> dict[str, Any]:
        if "template_id" not in data:
            raise InvalidInputError("action_data.template_id", "is missing", "key or number of a template")
        values = {name: value for name, value in data.items() if name not in ("template_id", "subject_line")}
        for name, value in values.items():
            if not isinstance(value, (str, int, float, bool)):
                raise InvalidInputError(f"action_data.{name}", "is no single value", "a text, a number, true or false")
        return {
            "key": "action", "do": "send", "channel": channel, "template": template_of(data["template_id"]),
            "subject": str(data.get("subject_line", "")), "values": values,
        }  # fmt: skip

    return action


def _act(kind: str) -> Callable[[Values, Callable[[Any], str]], dict[str, Any]]:
    def action(data: Values, _template_of: Callable[[Any], str]) -> dict[str, Any]:
        return {"key": "action", "do": kind, "data": dict(data)}

    return action


_ACTIONS: Mapping[str, Callable[[Values, Callable[[Any], str]], dict[str, Any]]] = {
    "send_email": _send("email"),
    "send_sms": _send("sms"),
    "assign_lead": _act("assign_lead"),
    "update_score": _act("update_score"),
    "create_task": _act("create_task"),
}


def read_executions(store: Store, journey_id: int, programme: str, most: int = 20) -> Executions:
    """What a workflow or journey did; failed are those of whose messages or actions one failed."""
    table, entries, actions = journey_members.c, ledger_entries.c, journey_actions.c
    mine = sa.and_(table.journey_id == journey_id, table.status != REFUSED)
    refused = sa.select(entries.occurrence).where(entries.programme == programme, entries.state == REJECTED)
    undone = sa.select(actions.member_id).where(actions.journey_id == journey_id, actions.state == "failed")
    has_failed = sa.or_(table.entry_key.in_(refused), table.member_id.in_(undone))
    is_over = table.status.in_((COMPLETED, EXITED))
    with store.read() as connection:
        total, over, failed = connection.execute(sa.select(
            sa.func.count(), sa.func.count().filter(is_over), sa.func.count().filter(has_failed)
        ).where(mine)).one()  # fmt: skip
        both = connection.execute(sa.select(sa.func.count()).where(mine, is_over, has_failed)).scalar_one()
        lead_id = sa.select(sa.func.min(leads.c.lead_id)).where(leads.c.person_id == table.person_id)
        query = sa.select(
            table.member_id, table.person_id, table.entered_at.label("at"), table.status, has_failed.label("failed"),
            lead_id.scalar_subquery().label("lead_id"),
        ).where(mine)  # fmt: skip
        rows = rows_of(connection, query.order_by(table.member_id.desc()).limit(most))
    recent = tuple(
        Execution(
            f"exec_{row['member_id']}",
            row["person_id"],
            row["lead_id"],
            row["at"],
            _status(row["status"], row["failed"]),
        )
        for row in rows
    )
    return Executions(total, over - both, failed, recent)


def _status(status: str, has_failed: bool) -> str:
    if has_failed:
        return "failed"
    return "completed" if status in (COMPLETED, EXITED) else "running"
