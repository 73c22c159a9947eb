"""The doors of alerts: what stands open and what people do about it, rules, what a rule would have told.

Belongs here: who may do what. Stays out: what is unusual (`dmat/alerts`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from apps.api.callers import caller_with
from apps.api.campaign_bodies import Body
from apps.api.faults import REFUSALS, Door
from apps.api.lead_bodies import zulu
from dmat.alerts.judging import Judged, last_whole_day, preview
from dmat.alerts.records import STATES, Alert, acknowledge, find_alert, read_alerts, read_log, reopen, snooze
from dmat.alerts.rules import find_rule, read_rule, read_rules, remove_rule, save_rule
from dmat.clock import as_utc
from dmat.errors import InvalidInputError
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller
from dmat.warehouse import Workspace

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Key = Annotated[str, Path(max_length=60)]


class Words(Body):
    """A remark."""

    words: Annotated[str, Field(max_length=1000)] = ""


class Until(Body):
    """Until when an alert is left alone."""

    until: datetime


def alerts_router(settings: Settings, store: Store) -> APIRouter:
    """/api/alerts."""
    router = APIRouter(
        prefix="/api/alerts", tags=["alerts"], route_class=Door, responses=REFUSALS, max_body_size=64 * 1024
    )
    reader, writer = Depends(caller_with(store, "analytics:read")), Depends(caller_with(store, "analytics:write"))
    _add_rules(router, settings, store, reader, writer)
    _add_alerts(router, settings, store, reader, writer)
    return router


def _add_rules(router: APIRouter, settings: Settings, store: Store, reader: Any, writer: Any) -> None:
    view = Workspace(settings)

    @router.get("/rules", summary="Rules of alerts")
    def get_rules(_caller: Caller = reader) -> dict[str, Any]:
        """All of them, by name."""
        return {"rules": [rule.model_dump(mode="json") for rule in read_rules(store)]}

    @router.post("/rules", status_code=201, summary="Make a rule")
    def post_rule(body: dict[str, Any], caller: Caller = writer) -> dict[str, Any]:
        """With a key of its own."""
        return save_rule(store, settings.clock, body, caller.name, is_new=True).model_dump(mode="json")

    @router.put("/rules/{key}", summary="Change a rule")
    def put_rule(key: Key, body: dict[str, Any], caller: Caller = writer) -> dict[str, Any]:
        """The whole rule; one that was shipped becomes the workspace's own."""
        find_rule(store, key)
        return save_rule(store, settings.clock, {**body, "key": key}, caller.name).model_dump(mode="json")

    @router.delete("/rules/{key}", status_code=204, summary="Take a rule away")
    def delete_rule(key: Key, caller: Caller = writer) -> None:
        """Its open alerts close at the next look."""
        remove_rule(store, settings.clock, key, caller.name)

    @router.post("/rules/preview", summary="What a rule would have told")
    def preview_rule(
        body: dict[str, Any], days: Annotated[int, Query(ge=1, le=180)] = 90, _caller: Caller = reader
    ) -> dict[str, Any]:
        """Day by day over the past; nothing is kept or told."""
        rule = read_rule(body)
        if rule.kind not in ("unusual", "threshold"):
            raise InvalidInputError("kind", f"{rule.kind} has no past", "unusual or threshold")
        until = last_whole_day(view, settings) + timedelta(days=1)
        found = preview(view, settings, rule, until - timedelta(days=days), until)
        told = [each for each in found if each.finding is not None]
        return {"days": [_judged(each) for each in found], "told_count": len(told)}


def _add_alerts(router: APIRouter, settings: Settings, store: Store, reader: Any, writer: Any) -> None:
    clock = settings.clock

    @router.get("", summary="Alerts")
    def get_alerts(
        state: Annotated[str, Query(max_length=20, description=f"one of {', '.join(STATES)}; empty: all")] = "",
        _caller: Caller = reader,
    ) -> dict[str, Any]:
        """Those that stand open first, then the newest."""
        if state and state not in STATES:
            raise InvalidInputError("state", f"{state!r} is not known", ", ".join(STATES))
        with store.read() as connection:
            found = read_alerts(connection)
        now = clock.now()
        return {"alerts": [_alert(each, now) for each in found if not state or each.state(now) == state]}

    @router.get("/{alert_id}", summary="One alert")
    def get_alert(alert_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """With its log."""
        with store.read() as connection:
            found = find_alert(connection, alert_id)
        log = [{**entry, "happened_at": zulu(entry["happened_at"])} for entry in read_log(store, alert_id)]
        return {**_alert(found, clock.now()), "log": log}

    @router.post("/{alert_id}/acknowledge", summary="Somebody looks after it")
    def post_acknowledge(alert_id: Number, body: Words, caller: Caller = writer) -> dict[str, Any]:
        """It is told no more."""
        return _alert(acknowledge(store, clock, alert_id, caller.name, body.words), clock.now())

    @router.post("/{alert_id}/snooze", summary="Leave it alone until a moment")
    def post_snooze(alert_id: Number, body: Until, caller: Caller = writer) -> dict[str, Any]:
        """If it still stands then, it is told again."""
        return _alert(snooze(store, clock, alert_id, as_utc(body.until), caller.name), clock.now())

    @router.post("/{alert_id}/reopen", summary="Take back an acknowledgement or a snooze")
    def post_reopen(alert_id: Number, caller: Caller = writer) -> dict[str, Any]:
        """It counts as open again."""
        return _alert(reopen(store, clock, alert_id, caller.name), clock.now())


def _alert(alert: Alert, now: datetime) -> dict[str, Any]:
    moments = {name: zulu(getattr(alert, name)) for name in
               ("opened_at", "seen_at", "closed_at", "told_at", "acknowledged_at", "snoozed_until")}  # fmt: skip
    return {
        "alert_id": alert.alert_id, "rule": alert.rule_key, "subject": alert.subject, "state": alert.state(now),
        "severity": alert.severity, "title": alert.title, "words": alert.words, "link": alert.link,
        "facts": dict(alert.facts), "acknowledged_by": alert.acknowledged_by, **moments,
    }  # fmt: skip


def _judged(judged: Judged) -> dict[str, Any]:
    expected = judged.expected
    return {
        "day": judged.day.isoformat(), "value": judged.value, "is_said": judged.is_said,
        "expected": expected.value if expected else None, "low": expected.low if expected else None,
        "high": expected.high if expected else None, "compared": judged.compared,
        "told": judged.finding.words if judged.finding else "",
    }  # fmt: skip
