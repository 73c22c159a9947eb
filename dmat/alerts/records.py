"""Alerts as rows of the store: what stands open, and who did what about it.

Belongs here: reading, opening, closing, acknowledging, snoozing, the log. Stays out: what is found, who is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.alerts.findings import Finding
from dmat.clock import Clock
from dmat.errors import InvalidInputError, NotFoundError
from dmat.store.alert_tables import alert_log, alerts
from dmat.store.engine import Store, rows_of, upsert

LONGEST_SNOOZE = timedelta(days=90)
STATES = ("open", "snoozed", "acknowledged", "closed")


@dataclass(frozen=True)
class Alert:
    """One alert; `state` is open, snoozed, acknowledged or closed as of `at` a moment."""

    alert_id: int
    rule_key: str
    subject: str
    severity: str
    title: str
    words: str
    link: str
    facts: Mapping[str, Any]
    opened_at: datetime
    seen_at: datetime
    closed_at: datetime | None
    told_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    snoozed_until: datetime | None

    def state(self, now: datetime) -> str:
        """open, snoozed, acknowledged or closed."""
        if self.closed_at is not None:
            return "closed"
        if self.snoozed_until is not None and self.snoozed_until > now:
            return "snoozed"
        return "acknowledged" if self.acknowledged_at is not None else "open"


def read_alerts(connection: Connection, *where: sa.ColumnElement[bool], limit: int = 500) -> list[Alert]:
    """Alerts, those that stand open first, then the newest."""
    query = sa.select(alerts).where(*where)
    query = query.order_by(alerts.c.closed_at.is_not(None), alerts.c.opened_at.desc(), alerts.c.alert_id.desc())
    return [Alert(**row) for row in rows_of(connection, query.limit(limit))]


def open_alerts(store: Store) -> list[Alert]:
    """What stands open, also what is snoozed or acknowledged."""
    with store.read() as connection:
        return read_alerts(connection, alerts.c.closed_at.is_(None))


def count_open(connection: Connection, now: datetime) -> int:
    """How many alerts nobody looks after: neither acknowledged nor quiet for a while."""
    is_heard = sa.or_(alerts.c.snoozed_until.is_(None), alerts.c.snoozed_until <= now)
    query = sa.select(sa.func.count()).where(alerts.c.closed_at.is_(None), alerts.c.acknowledged_at.is_(None), is_heard)
    return int(connection.execute(query).scalar_one())


def find_alert(connection: Connection, alert_id: int) -> Alert:
    """One alert.

    Raises:
        NotFoundError: there is none of this number.
    """
    found = read_alerts(connection, alerts.c.alert_id == alert_id)
    if not found:
        raise NotFoundError(f"there is no alert {alert_id}")
    return found[0]


def settle(connection: Connection, findings: Sequence[Finding], judged: Sequence[str], now: datetime) -> None:
    """Bring what stands open in line with what was found.

    Args:
        connection: the caller's transaction.
        findings: what was found now, at most one a rule and subject.
        judged: the rules that could be judged: an alert of theirs that was not found again is closed; one of a rule
            that could not be judged stays.
        now: the moment.
    """
    standing = {(each.rule_key, each.subject): each for each in read_alerts(connection, alerts.c.closed_at.is_(None))}
    found = {(each.rule_key, each.subject): each for each in findings}
    for key, each in found.items():
        if key in standing:
            _see_again(connection, standing[key], each, now)
        else:
            _open(connection, each, now)
    for key, alert in standing.items():
        if key not in found and alert.rule_key in judged:
            words = "it is as it should be again"
            _change(connection, alert.alert_id, {"closed_at": now}, "closed", "alerts", words, now)


def _open(connection: Connection, found: Finding, now: datetime) -> None:
    row = _values(found) | {"rule_key": found.rule_key, "subject": found.subject, "opened_at": now, "seen_at": now}
    statement = upsert(connection, alerts).values(row).on_conflict_do_nothing().returning(alerts.c.alert_id)
    number = connection.execute(statement).scalar()
    if number is not None:
        _log(connection, int(number), "opened", "alerts", found.title, now)


def _see_again(connection: Connection, alert: Alert, found: Finding, now: datetime) -> None:
    values = _values(found) | {"seen_at": now}
    if found.severity == "urgent" and alert.severity != "urgent":
        values |= {"told_at": None, "acknowledged_at": None, "acknowledged_by": ""}
    connection.execute(sa.update(alerts).where(alerts.c.alert_id == alert.alert_id).values(values))


def _values(found: Finding) -> dict[str, Any]:
    return {
        "severity": found.severity, "title": found.title[:300], "words": found.words, "link": found.link,
        "facts": dict(found.facts),
    }  # fmt: skip


def acknowledge(store: Store, clock: Clock, alert_id: int, by: str, words: str = "") -> Alert:
    """Say that somebody looks after it: it is told no more, unless it becomes urgent.

    Raises:
        NotFoundError: there is none of this number.
    """
    now = clock.now()
    values = {"acknowledged_at": now, "acknowledged_by": by, "snoozed_until": None}
    return _act(store, alert_id, values, "acknowledged", by, words, now)


def snooze(store: Store, clock: Clock, alert_id: int, until: datetime, by: str) -> Alert:
    """Leave it alone until a moment; if it still stands then, it is told again.

    Raises:
        InvalidInputError: the moment is past, or more than 90 days ahead.
        NotFoundError: there is none of this number.
    """
    now = clock.now()
    if not now < until <= now + LONGEST_SNOOZE:
        raise InvalidInputError("until", f"{until:%Y-%m-%d %H:%M} is not ahead", "a moment in the next 90 days")
    values = {"snoozed_until": until, "told_at": None, "acknowledged_at": None, "acknowledged_by": ""}
    return _act(store, alert_id, values, "snoozed", by, f"until {until:%Y-%m-%d %H:%M} UTC", now)


def reopen(store: Store, clock: Clock, alert_id: int, by: str) -> Alert:
    """Take back an acknowledgement or a snooze.

    Raises:
        NotFoundError: there is none of this number.
    """
    values = {"snoozed_until": None, "acknowledged_at": None, "acknowledged_by": ""}
    return _act(store, alert_id, values, "reopened", by, "", clock.now())


def _act(
    store: Store, alert_id: int, values: Mapping[str, Any], action: str, by: str, words: str, now: datetime
) -> Alert:
    with store.write() as connection:
        find_alert(connection, alert_id)
        _change(connection, alert_id, values, action, by, words, now)
        return find_alert(connection, alert_id)


def _change(
    connection: Connection, alert_id: int, values: Mapping[str, Any], action: str, by: str, words: str, now: datetime
) -> None:
    connection.execute(sa.update(alerts).where(alerts.c.alert_id == alert_id).values(**values))
    _log(connection, alert_id, action, by, words, now)


def _log(connection: Connection, alert_id: int, action: str, by: str, words: str, now: datetime) -> None:
    row = {"alert_id": alert_id, "happened_at": now, "action": action, "actor": by, "words": words[:1000]}
    connection.execute(sa.insert(alert_log).values(row))


def mark_told(connection: Connection, alert_id: int, to: Sequence[str], now: datetime) -> None:
    """Note to whom an alert was told."""
    _change(connection, alert_id, {"told_at": now}, "told", "alerts", ", ".join(to), now)


def read_log(store: Store, alert_id: int) -> list[dict[str, Any]]:
    """What happened to an alert, oldest first: happened_at, action, actor, words."""
    names = ("happened_at", "action", "actor", "words")
    query = sa.select(*(alert_log.c[name] for name in names)).where(alert_log.c.alert_id == alert_id)
    with store.read() as connection:
        return rows_of(connection, query.order_by(alert_log.c.entry_id))
