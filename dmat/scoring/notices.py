"""Telling sales about a lead: a mail through the ledger, a line in Slack, an event for webhooks, in one transaction.

Belongs here: what is said and to whom it is planned. Stays out: when (`alerts.py`, `dmat/routing`), sending (the sender
for mails, `pushing.py` for Slack). The same notice twice is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from dmat.campaigns.programmes import ensure_programme
from dmat.ledger.post import NewEntry, plan_entries
from dmat.outgoing.outbox import emit
from dmat.scoring.leads import Lead
from dmat.scoring.live import Score
from dmat.scoring.pushing import SLACK, plan_push
from dmat.scoring.words import breakdown, industry_words, next_step
from dmat.settings import Settings

PROGRAMME, VERSION, STEP = "sales_notice", 1, "notice"
GOOD_FOR = timedelta(days=2)
LATELY = 5


@dataclass(frozen=True)
class Notice:
    """Something to tell; `key` makes it once. `event` is the kind of the webhook."""

    key: str
    event: str
    title: str
    intro: str
    lead: Lead
    score: Score
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Recipients:
    """Who is told: addresses of mails, channels of Slack."""

    emails: tuple[str, ...] = ()
    slack_channels: tuple[str, ...] = ()

    def __or__(self, other: Recipients) -> Recipients:
        """Both, each once."""
        emails = tuple(dict.fromkeys((*self.emails, *other.emails)))
        return Recipients(emails, tuple(dict.fromkeys((*self.slack_channels, *other.slack_channels))))


def tell(connection: Connection, settings: Settings, notice: Notice, to: Recipients, now: datetime) -> list[str]:
    """Plan a notice, inside the caller's transaction; gives who will be told."""
    context = _context(settings, notice)
    ensure_programme(connection, PROGRAMME, VERSION, now)
    entries = [
        NewEntry(
            person_id=0, programme=PROGRAMME, programme_version=VERSION, step=STEP, channel="email",
            occurrence=f"{notice.key}:{email}"[:200], address=email, context=context, expires_at=now + GOOD_FOR,
            purpose="transactional",
        )
        for email in to.emails
    ]  # fmt: skip
    plan_entries(connection, entries, now)
    channels = to.slack_channels if settings.is_connected("slack") else ()
    for channel in channels:
        payload = {"channel": channel, "text": slack_text(context)}
        plan_push(connection, f"slack:{notice.key}:{channel}", SLACK, notice.lead.lead_id, payload, now)
    emit(connection, notice.event, notice.key, _data(notice), now)
    return [*to.emails, *(f"slack {channel}" for channel in channels)]


def _context(settings: Settings, notice: Notice) -> dict[str, Any]:
    lead, score = notice.lead, notice.score
    known = (
        ("Lead", f"{lead.name or lead.email} <{lead.email}>"), ("Phone", lead.phone), ("Company", lead.company_name),
        ("Company's domain", lead.company_domain), ("Company size", lead.company_size),
        ("Industry", industry_words(lead.industry)), ("Role", lead.job_title),
        ("Country", " ".join((lead.country_code, lead.region)).strip()), ("Source", lead.source.replace("_", " ")),
        *notice.facts,
    )  # fmt: skip
    return {
        "title": notice.title, "intro": notice.intro, "facts": [[label, value] for label, value in known if value],
        "breakdown_title": f"Score {score.shown} ({score.band})",
        "breakdown": [[words, f"{left:.1f}"] for words, left in breakdown(score.entries)],
        "history": [f"{entry.occurred_at:%d %b %Y %H:%M} UTC: {entry.label}" for entry in score.entries[:LATELY]],
        "next_step": next_step(score, lead.status), "url": lead_url(settings, lead.lead_id),
    }  # fmt: skip


def lead_url(settings: Settings, lead_id: int) -> str:
    """Where a person looks at a lead: its place on the screen Leads."""
    return f"{settings.resolved_screens_url}/leads?id={lead_id}"


def slack_text(context: Mapping[str, Any]) -> str:
    """A notice as one message of Slack; what people typed cannot ping, link or format anything there."""
    lines = [f"*{escape(context['title'])}*", escape(context["intro"])]
    lines += [f"{escape(label)}: {escape(value)}" for label, value in context["facts"]]
    lines.append(f"{escape(context['breakdown_title'])}: {_listed(context['breakdown'])}")
    if context["history"]:
        lines.append(f"Lately: {escape('; '.join(context['history']))}")
    lines.append(f"Next step: {escape(context['next_step'])}")
    text = "\n".join(lines)
    return f"{text[:3300]}\n<{context['url']}|Open the lead>"


def _listed(pairs: Iterable[Sequence[str]]) -> str:
    return escape(", ".join(f"{label} {value}" for label, value in pairs)) or "nothing yet"


def escape(text: Any) -> str:
    """Text for Slack: https://api.slack.com/reference/surfaces/formatting#escaping, and no marks of formatting."""
    plain = " ".join(str(text or "").split())[:300]
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.translate({ord(mark): "\u200b" + mark for mark in "*~`"})


def _data(notice: Notice) -> dict[str, Any]:
    return {
        "lead_id": notice.lead.lead_id, "person_id": notice.lead.person_id, "score": float(notice.score.score),
        "band": notice.score.band, "status": notice.lead.status, "assigned_to": notice.lead.assigned_to,
        "facts": dict(notice.facts),
    }  # fmt: skip
