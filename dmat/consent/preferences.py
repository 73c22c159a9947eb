"""Preferences: what a person wants to hear about, on which channels, and how often at most; each change with its proof.

Belongs here: purposes as data, reading and changing the preferences of one person, personal caps, the log of proofs.
Stays out: the page (`apps/api/preferences.py`), asking at sending time (`dmat/campaigns/gate.py`).

A purpose without a decision of its own follows the one on `marketing`; a later "no" to marketing is a "no" to all.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.consent.permission import MARKETING, Decision, record_decisions
from dmat.consent.suppression import address_hash, find_suppressed
from dmat.errors import InvalidInputError
from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.sets import among_these, these
from dmat.store.tables import consents, suppressions
from dmat.store.web_tables import personal_caps, preference_log, purposes
from dmat.store.workspace_values import write_audit

CHANNELS = {"email": "E-mail", "sms": "SMS", "whatsapp": "WhatsApp", "push": "Push notifications"}
BY_ADDRESS = ("email", "sms", "whatsapp")
_TICK = timedelta(microseconds=1)
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Purpose:
    """Something that people can want to hear about."""

    purpose: str
    name: str
    description: str = ""
    channels: tuple[str, ...] = ("email", "sms", "whatsapp", "push")
    position: int = 0
    is_shown: bool = True


DEFAULT_PURPOSES = (
    Purpose(MARKETING, "Offers and recommendations", "Sales, discounts and things that may suit you."),
    Purpose("product_news", "Product news", "What is new, and how to get more out of what you have.", position=1),
    Purpose("events", "Events", "Invitations to what we organise, in shops and online.", position=2),
)


@dataclass(frozen=True)
class PersonalCap:
    """At most `most` marketing messages in `days` days, as the person asked."""

    most: int
    days: int


FREQUENCIES: Mapping[str, tuple[str, PersonalCap | None]] = {
    "any": ("As often as there is something", None),
    "weekly": ("At most once a week", PersonalCap(1, 7)),
    "monthly": ("At most once a month", PersonalCap(1, 30)),
}


@dataclass(frozen=True)
class Whose:
    """The person whose preferences they are, and the address and channel at which we reached them."""

    person_id: int
    address: str
    channel: str


@dataclass(frozen=True)
class Preferences:
    """What one person wants: `choices` says yes or no for each (channel, purpose) that is offered."""

    purposes: tuple[Purpose, ...]
    channels: tuple[str, ...]
    choices: dict[tuple[str, str], bool]
    frequency: str = "any"

    @property
    def wants_anything(self) -> bool:
        """Whether at least one thing is wanted."""
        return any(self.choices.values())


@dataclass(frozen=True)
class Proof:
    """How we know of a decision: where it was made, and words that prove it."""

    source: str
    evidence: str


@dataclass
class Change:
    """What a person's new choices change: what is given, what is taken back, another frequency."""

    granted: list[tuple[str, str]] = field(default_factory=list)
    withdrawn: list[tuple[str, str]] = field(default_factory=list)
    frequency: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.granted or self.withdrawn or self.frequency)


def list_purposes(connection: Connection, shown_only: bool = False) -> list[Purpose]:
    """The purposes of the workspace: the defaults, as far as nobody changed them, and those that were added."""
    names = tuple(Purpose.__dataclass_fields__)
    rows = rows_of(connection, sa.select(*(purposes.c[name] for name in names)))
    found = {each.purpose: each for each in DEFAULT_PURPOSES}
    found |= {row["purpose"]: Purpose(**(row | {"channels": tuple(row["channels"])})) for row in rows}
    ordered = sorted(found.values(), key=lambda each: (each.position, each.purpose))
    return [each for each in ordered if each.is_shown or not shown_only]


def save_purpose(store: Store, wanted: Purpose, now: datetime, by: str) -> None:
    """Add or change a purpose.

    Raises:
        InvalidInputError: its key, name or channels cannot be.
    """
    if not _KEY.fullmatch(wanted.purpose):
        raise InvalidInputError("purpose", f"{wanted.purpose[:60]!r} cannot be a key", "a-z, 0-9 and _, at most 40")
    if not 1 <= len(wanted.name.strip()) <= 100:
        raise InvalidInputError("name", "it is empty or too long", "1 to 100 characters")
    if not wanted.channels or set(wanted.channels) - set(CHANNELS):
        raise InvalidInputError("channels", "unknown or none", ", ".join(CHANNELS))
    row = {**wanted.__dict__, "channels": list(wanted.channels), "updated_at": now, "updated_by": by}
    with store.write() as connection:
        statement = upsert(connection, purposes).values(row)
        connection.execute(statement.on_conflict_do_update(index_elements=["purpose"], set_=row))
        write_audit(connection, now, by, "purpose saved", wanted.purpose, name=wanted.name)


def find_personal_caps(connection: Connection, person_ids: Iterable[int]) -> dict[int, PersonalCap]:
    """Person -> cap, for those who asked for one."""
    found: dict[int, PersonalCap] = {}
    asked = {"these": these(connection, set(person_ids))}
    for row in connection.execute(_caps_of(connection.dialect.name), asked):
        found[row.person_id] = PersonalCap(row.most, row.days)
    return found


@cache
def _caps_of(dialect: str) -> sa.Select[Any]:
    query = sa.select(personal_caps.c.person_id, personal_caps.c.most, personal_caps.c.days)
    return query.where(among_these(dialect, personal_caps.c.person_id))


def effective(decisions: Mapping[str, tuple[bool, datetime]], purpose: str) -> bool:
    """Whether a purpose is granted, from purpose -> (granted, when decided) of one person and channel."""
    umbrella, own = decisions.get(MARKETING), decisions.get(purpose)
    if own is None or umbrella is None:
        return (own or umbrella or (False, None))[0]
    return own[0] and (umbrella[0] or umbrella[1] < own[1])


def read_preferences(connection: Connection, whose: Whose) -> Preferences:
    """What a person wants now; a suppressed address wants nothing on its channel."""
    shown = list_purposes(connection, shown_only=True)
    known: dict[str, dict[str, tuple[bool, datetime]]] = {whose.channel: {}}
    columns = (consents.c.channel, consents.c.purpose, consents.c.is_granted, consents.c.decided_at)
    for row in connection.execute(sa.select(*columns).where(consents.c.person_id == whose.person_id)):
        known.setdefault(row.channel, {})[row.purpose] = (row.is_granted, row.decided_at)
    is_closed = bool(find_suppressed(connection, [whose.address], whose.channel))
    channels = tuple(channel for channel in CHANNELS if channel in known)
    choices = {
        (channel, each.purpose): effective(known[channel], each.purpose)
        and not (is_closed and channel == whose.channel)
        for each in shown
        for channel in channels
        if channel in each.channels
    }
    cap = find_personal_caps(connection, [whose.person_id]).get(whose.person_id)
    frequency = next((key for key, (_, one) in FREQUENCIES.items() if one == cap), "weekly")
    return Preferences(tuple(shown), channels, choices, frequency)


def compare(now: Preferences, wanted: Iterable[tuple[str, str]], frequency: str) -> Change:
    """What new choices change.

    Raises:
        InvalidInputError: a choice or a frequency that is not offered.
    """
    chosen = set(wanted)
    if chosen - set(now.choices):
        raise InvalidInputError("choice", "it is not offered", "one of those on the page")
    if frequency not in FREQUENCIES:
        raise InvalidInputError("frequency", f"{frequency[:40]!r} is unknown", ", ".join(FREQUENCIES))
    return Change(
        granted=[key for key, is_on in now.choices.items() if key in chosen and not is_on],
        withdrawn=[key for key, is_on in now.choices.items() if key not in chosen and is_on],
        frequency=frequency if frequency != now.frequency else None,
    )


def apply_change(connection: Connection, whose: Whose, change: Change, proof: Proof, now: datetime) -> None:
    """Carry a change out, with its proof, inside the caller's transaction.

    What is granted on the channel that we reached the person at lifts the suppression that their own unsubscribing
    caused; one after a bounce, a complaint or STOP stays.
    """
    before = read_preferences(connection, whose)
    decided = dict.fromkeys(change.granted, True) | dict.fromkeys(change.withdrawn, False)
    touched = {channel for channel, _ in decided}  # all of these becomes explicit, so that no umbrella moves it later
    explicit = {key: decided.get(key, is_on) for key, is_on in before.choices.items() if key[0] in touched}
    record_decisions(connection, _decisions(whose, explicit, proof, now), now)
    if any(channel == whose.channel for channel, _ in change.granted):
        lift_unsubscribed(connection, whose.address, whose.channel, now)
    rows = [_proof_row(whose, channel, purpose, is_on, proof, now) for (channel, purpose), is_on in decided.items()]
    if change.frequency is not None:
        set_personal_cap(connection, whose.person_id, FREQUENCIES[change.frequency][1], proof.source, now)
        rows.append(_log_row(whose, "", "", "frequency", change.frequency, proof, now))
    log_proofs(connection, rows)


def _decisions(
    whose: Whose, choices: Mapping[tuple[str, str], bool], proof: Proof, now: datetime
) -> Iterable[Decision]:
    for (channel, purpose), is_on in choices.items():
        at = now if purpose == MARKETING else now + _TICK  # later than the umbrella, so that it stands beside its "no"
        yield Decision(whose.person_id, channel, purpose, is_on, at, proof.source, proof.evidence)


def set_personal_cap(
    connection: Connection, person_id: int, cap: PersonalCap | None, source: str, now: datetime
) -> None:
    """Keep or drop a person's own cap, inside the caller's transaction."""
    if cap is None:
        connection.execute(sa.delete(personal_caps).where(personal_caps.c.person_id == person_id))
        return
    row = {"person_id": person_id, "most": cap.most, "days": cap.days, "source": source, "decided_at": now}
    statement = upsert(connection, personal_caps).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["person_id"], set_=row))


def lift_unsubscribed(connection: Connection, address: str, channel: str, now: datetime) -> None:
    """End the suppression that an address's owner asked for, because they ask to come back."""
    table = suppressions.c
    connection.execute(
        sa.update(suppressions)
        .where(table.address_hash == address_hash(address), table.channel == channel, table.reason == "unsubscribed")
        .values(lifted_at=now)
    )


def _proof_row(whose: Whose, channel: str, purpose: str, is_on: bool, proof: Proof, now: datetime) -> dict[str, Any]:
    return _log_row(whose, channel, purpose, "granted" if is_on else "withdrawn", "", proof, now)


def _log_row(
    whose: Whose, channel: str, purpose: str, what: str, value: str, proof: Proof, now: datetime
) -> dict[str, Any]:
    return {
        "decision_id": str(uuid.uuid4()), "person_id": whose.person_id,
        "address": whose.address if channel == whose.channel else "", "channel": channel, "purpose": purpose,
        "what": what, "value": value, "source": proof.source, "evidence": proof.evidence, "decided_at": now,
    }  # fmt: skip


def log_proofs(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add lines to the log of proofs, inside the caller's transaction; nothing ever changes or removes one."""
    if rows:
        connection.execute(sa.insert(preference_log), [dict(row) for row in rows])


def read_proofs(store: Store, person_id: int, limit: int = 500) -> list[dict[str, Any]]:
    """The proofs of a person's decisions, newest first."""
    query = sa.select(preference_log).where(preference_log.c.person_id == person_id)
    with store.read() as connection:
        return rows_of(connection, query.order_by(preference_log.c.log_id.desc()).limit(limit))


def unlanded_proofs(store: Store, limit: int = 5000) -> list[dict[str, Any]]:
    """Proofs that the warehouse has not got yet, oldest first."""
    query = sa.select(preference_log).where(preference_log.c.landed_at.is_(None))
    with store.read() as connection:
        return rows_of(connection, query.order_by(preference_log.c.log_id).limit(limit))


def mark_proofs_landed(store: Store, log_ids: Sequence[int], now: datetime) -> None:
    """Say that the warehouse has these; call it after they are committed there."""
    table = preference_log.c
    with store.write() as connection:
        for batch in chunks(log_ids):
            query = sa.update(preference_log).where(table.log_id.in_(batch), table.landed_at.is_(None))
            connection.execute(query.values(landed_at=now))
