"""Telling people about alerts: one mail through the ledger or one line in Slack, and an event for webhooks.

Belongs here: what is said and to whom it is planned, in the transaction that notes it as told. Stays out: when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from dmat.alerts.records import Alert
from dmat.alerts.rules import AlertRule
from dmat.campaigns.programmes import ensure_programme
from dmat.ledger.post import NewEntry, plan_entries
from dmat.outgoing.outbox import emit
from dmat.scoring.notices import escape
from dmat.scoring.pushing import SLACK, plan_push
from dmat.settings import Settings

PROGRAMME, VERSION, STEP = "alert_notice", 1, "notice"
GOOD_FOR = timedelta(days=1)
MOST_LINES = 25


@dataclass(frozen=True)
class Recipient:
    """One address of a mail, or one channel of Slack."""

    way: str
    address: str

    @property
    def words(self) -> str:
        """As it stands in the log."""
        return self.address if self.way == "email" else f"slack {self.address}"


def recipients_of(settings: Settings, rule: AlertRule) -> tuple[Recipient, ...]:
    """Who is told: whom the rule names, else whom the settings name; nobody is told twice."""
    emails: Sequence[str] = rule.emails
    channel = rule.slack_channel
    if not emails and not channel:
        emails = [each.lower() for each in settings.alert_emails.replace(",", " ").split()]
        channel = settings.alert_slack_channel
    found = [Recipient("email", email) for email in dict.fromkeys(emails)]
    return (*found, *([Recipient("slack", channel)] if channel and settings.is_connected("slack") else []))


def tell_alerts(
    connection: Connection, settings: Settings, to: Recipient, alerts: Sequence[Alert], now: datetime
) -> None:
    """Plan one notice about all of these, inside the caller's transaction."""
    key = f"alerts:{max(each.alert_id for each in alerts)}:{now:%Y%m%dT%H%M%S}"
    if to.way == "email":
        ensure_programme(connection, PROGRAMME, VERSION, now)
        entry = NewEntry(
            person_id=0, programme=PROGRAMME, programme_version=VERSION, step=STEP, channel="email",
            occurrence=f"{key}:{to.address}"[:200], address=to.address, context=_context(settings, alerts),
            expires_at=now + GOOD_FOR, purpose="transactional",
        )  # fmt: skip
        plan_entries(connection, [entry], now)
    else:
        payload = {"channel": to.address, "text": slack_text(settings, alerts)}
        plan_push(connection, f"slack:{key}:{to.address}", SLACK, None, payload, now)
    for each in alerts:
        emit(connection, "alert.opened", f"alert:{each.alert_id}:{each.opened_at:%Y%m%dT%H%M%S}", _data(each), now)


def title_of(alerts: Sequence[Alert]) -> str:
    """One line over a notice."""
    return alerts[0].title if len(alerts) == 1 else f"{len(alerts)} things need a look"


def _context(settings: Settings, alerts: Sequence[Alert]) -> dict[str, Any]:
    shown = sorted(alerts, key=lambda each: (each.severity != "urgent", -each.alert_id))[:MOST_LINES]
    return {
        "title": title_of(alerts),
        "lines": [[each.title, each.words, _url(settings, each.link)] for each in shown],
        "more": len(alerts) - len(shown), "url": _url(settings, "/alerts"),
    }  # fmt: skip


def _url(settings: Settings, link: str) -> str:
    return f"{settings.resolved_screens_url}{link}" if link else ""


def slack_text(settings: Settings, alerts: Sequence[Alert]) -> str:
    """The same as one message of Slack."""
    lines = [f"*{escape(title_of(alerts))}*"]
    lines += [f"{escape(each.title)}: {escape(each.words)}" for each in alerts[:MOST_LINES]]
    return "\n".join([*lines, _url(settings, "/alerts")])[:3500]


def _data(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id, "rule": alert.rule_key, "severity": alert.severity, "title": alert.title,
        "words": alert.words, "facts": dict(alert.facts), "opened_at": alert.opened_at.isoformat(),
    }  # fmt: skip
