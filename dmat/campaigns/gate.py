"""The gate: the one place where it is asked whether a message may leave, in the transaction that claims it.

Belongs here: the questions and their order. Stays out: the answers' sources (`dmat/consent`, `dmat/campaigns/pace.py`).

    still in time? -> person known, address valid? -> address suppressed? -> consent? -> hold-out? -> frequency?
    -> quiet hours? -> a sender for the channel? -> programme paused?
    (the provider's own throttle is kept by the sender, on real time)

A held-out person waits as the others would and is marked at the moment at which a message would have left, so that
both groups are compared from the same moment on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.pace import CAP_WINDOW, capped_until, find_zone, quiet_until
from dmat.campaigns.programmes import paused_programmes
from dmat.channels.email import is_valid_address
from dmat.consent.permission import NO_RECORD, Permission, find_permissions
from dmat.consent.suppression import clean_address, find_suppressed
from dmat.ledger.claim import Gate, Verdict
from dmat.ledger.entries import CLAIMED, EXPIRED, HELD_OUT, PLANNED, SUPPRESSED, WENT_OUT, Entry
from dmat.settings import Settings
from dmat.store.tables import ledger_entries

LOOK_AGAIN = timedelta(minutes=5)
CHANNELS_WITH_A_SENDER = frozenset({"email"})


@dataclass
class Facts:
    """All that the gate needs to know of a batch, read at once."""

    settings: Settings
    now: datetime
    suppressed: dict[tuple[str, str], str] = field(default_factory=dict)
    permissions: dict[tuple[int, str], Permission] = field(default_factory=dict)
    sent_at: dict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    paused: dict[str, str] = field(default_factory=dict)


def make_gate(settings: Settings) -> Gate:
    """The gate of a workspace, to be given to `dmat.ledger.claim.claim`."""

    def gate(connection: Connection, entries: Sequence[Entry], now: datetime) -> dict[str, Verdict]:
        facts = read_facts(connection, settings, entries, now)
        verdicts = {}
        for entry in entries:
            verdicts[entry.message_id] = verdict = judge(entry, facts)
            if verdict.state == CLAIMED:
                facts.sent_at[entry.person_id].append(now)  # counts for the next one in this batch
        return verdicts

    return gate


def read_facts(connection: Connection, settings: Settings, entries: Sequence[Entry], now: datetime) -> Facts:
    """Read what the gate asks about, set-wise."""
    facts = Facts(settings, now, paused=paused_programmes(connection))
    for channel in {entry.channel for entry in entries}:
        of_channel = [entry for entry in entries if entry.channel == channel]
        found = find_suppressed(connection, (entry.address for entry in of_channel), channel)
        facts.suppressed |= {(address, channel): reason for address, reason in found.items()}
        answers = find_permissions(connection, (entry.person_id for entry in of_channel), channel)
        facts.permissions |= {(person, channel): answer for person, answer in answers.items()}
    table = ledger_entries.c
    query = sa.select(table.person_id, table.handed_over_at).where(
        table.person_id.in_({entry.person_id for entry in entries}),
        table.state.in_(WENT_OUT),
        table.handed_over_at > now - CAP_WINDOW,
    )
    for row in connection.execute(query):
        facts.sent_at[row.person_id].append(row.handed_over_at)
    return facts


def judge(entry: Entry, facts: Facts) -> Verdict:
    """Ask every question in order; the first that does not say "go on" decides."""
    for question in (_in_time, _address, _suppression, _consent):
        verdict = question(entry, facts)
        if verdict is not None:
            return verdict
    for question in (_frequency, _quiet_hours, _channel, _paused):
        verdict = question(entry, facts)
        if verdict is not None:
            return verdict
    if entry.is_holdout:
        return Verdict(HELD_OUT, "held out to measure the effect of the programme")
    return Verdict(CLAIMED, "passed the gate")


def _later(reason: str, at: datetime) -> Verdict:
    return Verdict(PLANNED, f"later, at {at:%Y-%m-%d %H:%M} UTC: {reason}", at)


def _in_time(entry: Entry, facts: Facts) -> Verdict | None:
    if entry.expires_at is not None and entry.expires_at <= facts.now:
        return Verdict(EXPIRED, f"its time was over at {entry.expires_at:%Y-%m-%d %H:%M} UTC | {entry.reason}"[:500])
    return None


def _address(entry: Entry, _facts: Facts) -> Verdict | None:
    if entry.person_id <= 0:
        return Verdict(SUPPRESSED, "the person is not known")
    if entry.channel == "email" and not is_valid_address(entry.address):
        return Verdict(SUPPRESSED, "the address is not valid")
    return None


def _suppression(entry: Entry, facts: Facts) -> Verdict | None:
    reason = facts.suppressed.get((clean_address(entry.address), entry.channel))
    return Verdict(SUPPRESSED, f"the address is suppressed: {reason}") if reason else None


def _consent(entry: Entry, facts: Facts) -> Verdict | None:
    answer = facts.permissions.get((entry.person_id, entry.channel), NO_RECORD)
    return None if answer.is_granted else Verdict(SUPPRESSED, f"no consent: {answer.why}")


def _frequency(entry: Entry, facts: Facts) -> Verdict | None:
    cap = facts.settings.frequency_cap_per_week
    until = capped_until(facts.sent_at[entry.person_id], cap, facts.now)
    return _later(f"{cap} messages in seven days are enough", until) if until else None


def _quiet_hours(entry: Entry, facts: Facts) -> Verdict | None:
    settings = facts.settings
    zone = find_zone(str(entry.context.get("time_zone") or ""), settings.workspace_time_zone)
    until = quiet_until(facts.now, zone, settings.quiet_hours_start, settings.quiet_hours_end)
    return _later(f"quiet hours in {zone.key}", until) if until else None


def _channel(entry: Entry, facts: Facts) -> Verdict | None:
    if entry.channel in CHANNELS_WITH_A_SENDER:
        return None
    return _later(f"nothing sends by {entry.channel} yet", facts.now + timedelta(hours=1))


def _paused(entry: Entry, facts: Facts) -> Verdict | None:
    if entry.programme not in facts.paused:
        return None
    why = facts.paused[entry.programme] or "no reason given"
    return _later(f"the programme is paused ({why})", facts.now + LOOK_AGAIN)
