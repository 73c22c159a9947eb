"""The desk of alerts: looks, keeps what stands open in line, and tells what is new, grouped and seldom.

Belongs here: one look over all rules, and the pause between two notices. Stays out: what is found (`judging.py`,
`conditions.py`), how it is told (`notices.py`).

No storm: a subject is one alert however long it lasts; what opens in the same look is one notice to each who is told;
between two notices lies a pause (`alert_pause_minutes`), unless something is urgent.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.alerts.conditions import CONDITIONS
from dmat.alerts.findings import Finding
from dmat.alerts.judging import judge
from dmat.alerts.notices import Recipient, recipients_of, tell_alerts
from dmat.alerts.records import Alert, mark_told, read_alerts, settle
from dmat.alerts.rules import AlertRule, read_rules
from dmat.errors import InvalidInputError
from dmat.settings import Settings
from dmat.store.alert_tables import alerts
from dmat.store.engine import Store
from dmat.warehouse import Workspace


@dataclass(frozen=True)
class AlertLook:
    """What one look did: how many rules were judged, what stands open, who was told, which rules no longer fit."""

    judged: int = 0
    standing: int = 0
    told: int = 0
    faulty: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How much there was to tell."""
        return self.told


class AlertDesk:
    """Looks at one workspace; a resident process keeps it.

    Args:
        settings, store, view: the workspace.
        pause_seconds: between two looks of a resident process.
    """

    def __init__(self, settings: Settings, store: Store, view: Workspace, pause_seconds: float = 0.0) -> None:
        self.settings, self.store, self.view, self.pause_seconds = settings, store, view, pause_seconds
        self._rests_until = 0.0

    def look(self) -> AlertLook:
        """Judge every active rule, settle what stands open, tell what is new.

        Raises:
            NotPublishedError: there are no tables yet.
        """
        if time.monotonic() < self._rests_until:
            return AlertLook()
        now, rules = self.settings.clock.now(), read_rules(self.store)
        findings, judged, faulty = self._judge(rules)
        gone = self._rules_gone(rules)
        with self.store.write() as connection:
            settle(connection, findings, [*judged, *gone], now)
            standing = read_alerts(connection, alerts.c.closed_at.is_(None))
            told = self._tell(connection, {rule.key: rule for rule in rules}, standing, now)
        self._rests_until = time.monotonic() + self.pause_seconds
        return AlertLook(len(judged), len(standing), told, faulty)

    def _judge(self, rules: Sequence[AlertRule]) -> tuple[list[Finding], list[str], dict[str, str]]:
        findings: dict[tuple[str, str], Finding] = {}
        judged, faulty = [], {}
        for rule in rules:
            try:
                found = self._found(rule) if rule.is_active else []
            except InvalidInputError as error:  # its metric or segment is gone: the others are judged all the same
                faulty[rule.key] = str(error)
                continue
            if found is not None:
                judged.append(rule.key)
                findings |= {(each.rule_key, each.subject): each for each in found}
        return list(findings.values()), judged, faulty

    def _found(self, rule: AlertRule) -> list[Finding] | None:
        """What a rule finds; None when nothing can be said."""
        if rule.kind in CONDITIONS:
            return list(CONDITIONS[rule.kind](self.settings, self.store, self.view, rule))
        judged = judge(self.view, self.settings, rule)
        if judged is None or not judged.is_said:
            return None
        return [judged.finding] if judged.finding is not None else []

    def _rules_gone(self, rules: Sequence[AlertRule]) -> set[str]:
        with self.store.read() as connection:
            standing = read_alerts(connection, alerts.c.closed_at.is_(None))
        return {each.rule_key for each in standing} - {rule.key for rule in rules}

    def _tell(
        self, connection: Connection, rules: Mapping[str, AlertRule], standing: Sequence[Alert], now: datetime
    ) -> int:
        waiting = [each for each in standing if each.told_at is None and each.state(now) == "open"]
        is_urgent = any(each.severity == "urgent" for each in waiting)
        if not waiting or (not is_urgent and self._was_told_lately(connection, now)):
            return 0
        told: dict[int, list[str]] = {each.alert_id: [] for each in waiting}
        for recipient, group in _by_recipient(self.settings, rules, waiting).items():
            tell_alerts(connection, self.settings, recipient, group, now)
            for each in group:
                told[each.alert_id].append(recipient.words)
        for alert_id, to_whom in told.items():
            mark_told(connection, alert_id, to_whom or ["the list of alerts"], now)
        return len(told)

    def _was_told_lately(self, connection: Connection, now: datetime) -> bool:
        last = connection.execute(sa.select(sa.func.max(alerts.c.told_at))).scalar()
        return last is not None and now - last < timedelta(minutes=self.settings.alert_pause_minutes)


def _by_recipient(
    settings: Settings, rules: Mapping[str, AlertRule], waiting: Iterable[Alert]
) -> Mapping[Recipient, list[Alert]]:
    found: dict[Recipient, list[Alert]] = {}
    for each in waiting:
        for recipient in recipients_of(settings, rules[each.rule_key]):
            found.setdefault(recipient, []).append(each)
    return found
