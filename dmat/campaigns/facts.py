"""What the gate needs to know of a batch of messages, read at once: a few questions, however many messages.

Belongs here: reading, set-wise. Stays out: the questions and their order (`dmat/campaigns/gate.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.pace import CAP_WINDOW
from dmat.campaigns.programmes import paused_programmes
from dmat.campaigns.ramp import Allowances, read_allowances
from dmat.channels.providers import chosen_name
from dmat.channels.whatsapp import Approvals, load_approvals, template_name
from dmat.consent.permission import Permission, find_granted, find_permissions
from dmat.consent.preferences import PersonalCap, find_personal_caps
from dmat.consent.suppression import address_hash, suppressed_as_given
from dmat.errors import InvalidInputError, NotFoundError
from dmat.ledger.claim import Verdict
from dmat.ledger.entries import CLAIMED, PLANNED, WENT_OUT, Entry
from dmat.messages.library import Templates
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.sets import among, among_these, these
from dmat.store.tables import consents, last_replies, ledger_entries

TRANSACTIONAL = "transactional"


@dataclass
class Facts:
    """What is known of a batch; `sent_at` and `allowances` change while it is judged."""

    settings: Settings
    now: datetime
    paused: dict[str, str] = field(default_factory=dict)
    suppressed: dict[tuple[str, str], str] = field(default_factory=dict)
    granted: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    permissions: dict[tuple[int, str, str], Permission] = field(default_factory=dict)
    sent_at: dict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    more_important: dict[int, list[tuple[int, datetime]]] = field(default_factory=lambda: defaultdict(list))
    personal_caps: dict[int, PersonalCap] = field(default_factory=dict)
    replied_at: dict[str, datetime] = field(default_factory=dict)
    approvals: Approvals = field(default_factory=lambda: Approvals(is_sandbox=True))
    whatsapp_templates: dict[tuple[str, int, str], tuple[str, str]] = field(default_factory=dict)
    providers: dict[str, str] = field(default_factory=dict)
    allowances: Allowances = field(default_factory=lambda: Allowances(datetime.min.date()))
    rests: dict[tuple[str, str], Verdict | None] = field(default_factory=dict)


def read_facts(connection: Connection, settings: Settings, entries: Sequence[Entry], now: datetime) -> Facts:
    """Read what the gate asks about."""
    facts = Facts(settings, now, paused=paused_programmes(connection))
    marketing = [entry for entry in entries if entry.purpose != TRANSACTIONAL]
    _read_consent(connection, facts, marketing)
    _read_suppressions(connection, facts, entries)
    people = {entry.person_id for entry in marketing}
    if people:
        facts.personal_caps = find_personal_caps(connection, people)
        _read_week(connection, facts, marketing)
    _read_replies(connection, facts, entries)
    facts.providers = {channel: sender_of(settings, channel) for channel in {entry.channel for entry in entries}}
    facts.allowances = read_allowances(connection, now)
    return facts


def sender_of(settings: Settings, channel: str) -> str:
    """The provider that takes the messages of a channel; empty when there is none."""
    try:
        return chosen_name(settings, channel)
    except InvalidInputError:
        return ""


def _read_consent(connection: Connection, facts: Facts, entries: Sequence[Entry]) -> None:
    """Who agreed; the words only for those who did not. On PostgreSQL two workers never judge one person at once."""
    people = {entry.person_id for entry in entries}
    if people and connection.dialect.name != "sqlite":
        query = sa.select(consents.c.person_id).where(among(connection, consents.c.person_id, people))
        connection.execute(query.order_by("person_id", "channel", "purpose").with_for_update(key_share=True))
    for channel, purpose in {(entry.channel, entry.purpose) for entry in entries}:
        asked = {entry.person_id for entry in entries if entry.channel == channel and entry.purpose == purpose}
        granted = facts.granted[(channel, purpose)] = find_granted(connection, asked, channel, purpose)
        if asked - granted:
            found = find_permissions(connection, asked - granted, channel, purpose)
            facts.permissions |= {(person, channel, purpose): answer for person, answer in found.items()}


def _read_suppressions(connection: Connection, facts: Facts, entries: Sequence[Entry]) -> None:
    for channel in {entry.channel for entry in entries}:
        addresses = [entry.address for entry in entries if entry.channel == channel]
        found = suppressed_as_given(connection, addresses, channel)
        facts.suppressed |= {(address, channel): reason for address, reason in found.items()}


def _read_week(connection: Connection, facts: Facts, entries: Sequence[Entry]) -> None:
    """Of the people who get these marketing messages: when others left (or were claimed to leave) within the longest
    cap, and when planned ones of a higher priority are due. One look at each person's messages answers both.
    """
    longest = max((cap.days for cap in facts.personal_caps.values()), default=0)
    asked = {
        "these": these(connection, {entry.person_id for entry in entries}), "now": facts.now,
        "since": facts.now - max(CAP_WINDOW, timedelta(days=longest)), "soon": facts.now + CAP_WINDOW,
        "least_priority": min(entry.priority for entry in entries), "paused": list(facts.paused),
    }  # fmt: skip
    for row in connection.execute(_week(connection.dialect.name), asked):
        if row.state == PLANNED:
            facts.more_important[row.person_id].append((row.priority, row.not_before))
        else:
            facts.sent_at[row.person_id].append(row.left_at)


@cache
def _week(dialect: str) -> sa.Select[Any]:
    """Kept, as building it takes longer than asking it about a hundred people."""
    table = ledger_entries.c
    left_at = sa.func.coalesce(table.handed_over_at, table.claimed_at)
    has_left = sa.and_(table.state.in_((*WENT_OUT, CLAIMED)), left_at > sa.bindparam("since"))
    comes_first = sa.and_(
        table.state == PLANNED,
        table.priority > sa.bindparam("least_priority"),
        sa.not_(table.is_holdout),
        table.not_before < sa.bindparam("soon"),
        sa.or_(table.expires_at.is_(None), table.expires_at > sa.bindparam("now")),
        table.programme.not_in(sa.bindparam("paused", expanding=True)),
    )
    asked = sa.select(table.person_id, table.state, left_at.label("left_at"), table.priority, table.not_before)
    return asked.where(
        among_these(dialect, table.person_id), table.purpose != TRANSACTIONAL, sa.or_(has_left, comes_first)
    )


def _read_replies(connection: Connection, facts: Facts, entries: Sequence[Entry]) -> None:
    asked = {address_hash(entry.address): entry.address for entry in entries if entry.channel == "whatsapp"}
    if asked:
        store = Store(connection.engine)
        facts.approvals = load_approvals(facts.settings, store)
        used = {(e.template, e.template_version, e.locale) for e in entries if e.channel == "whatsapp" and e.template}
        library = Templates(store, facts.settings.clock)
        facts.whatsapp_templates = {key: whatsapp_template(library, *key) for key in used}
        query = sa.select(last_replies.c.address_hash, last_replies.c.replied_at).where(
            among(connection, last_replies.c.address_hash, asked), last_replies.c.channel == "whatsapp"
        )
        facts.replied_at = {asked[row.address_hash]: row.replied_at for row in connection.execute(query)}


def whatsapp_template(library: Templates, key: str, version: int, locale: str) -> tuple[str, str]:
    """Name and language at WhatsApp of a template of ours; the name is empty when it holds free words."""
    try:
        parts = library.version(key, version).content.parts(locale)
    except NotFoundError:
        return key, locale
    return template_name(parts, locale)
