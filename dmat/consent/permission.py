"""Permission: person x channel x purpose -> yes, or no and why. The newest decision wins.

Belongs here: keeping decisions and answering. Stays out: suppressed addresses (`dmat/consent/suppression.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.sets import among, among_these, these
from dmat.store.tables import consents

if TYPE_CHECKING:  # senders ask for permission without the warehouse
    from dmat.warehouse import Workspace

MARKETING = "marketing"


@dataclass(frozen=True)
class Decision:
    """What a person decided about one channel and purpose, when, and how we know."""

    person_id: int
    channel: str
    purpose: str
    is_granted: bool
    decided_at: datetime
    source: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Permission:
    """The answer: allowed or not, and why in words."""

    is_granted: bool
    why: str


NO_RECORD = Permission(False, "no consent on record")


def record_decisions(connection: Connection, decisions: Iterable[Decision], now: datetime) -> None:
    """Keep decisions inside the caller's transaction; an older one never replaces a newer, at a tie a no wins."""
    ordered = sorted(decisions, key=lambda d: (d.person_id, d.channel, d.purpose))  # two writers never deadlock
    rows = [{**decision.__dict__, "updated_at": now} for decision in ordered]
    for batch in chunks(rows):
        statement = upsert(connection, consents)
        new = statement.excluded
        wins = sa.or_(
            new.decided_at > consents.c.decided_at,
            sa.and_(new.decided_at == consents.c.decided_at, consents.c.is_granted, sa.not_(new.is_granted)),
        )
        names = ("is_granted", "decided_at", "source", "evidence", "updated_at")
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["person_id", "channel", "purpose"],
                set_={name: new[name] for name in names},
                where=wins,
            ),
            batch,
        )


def find_permissions(
    connection: Connection, person_ids: Iterable[int], channel: str, purpose: str = MARKETING
) -> dict[int, Permission]:
    """The answer for each person asked about.

    What was decided on the purpose counts, else what was decided on marketing as a whole; and a later no to marketing
    is a no to all its purposes.
    """
    wanted = set(person_ids)
    answers = dict.fromkeys(wanted, NO_RECORD)
    query = sa.select(consents).where(
        among(connection, consents.c.person_id, wanted),
        consents.c.channel == channel,
        consents.c.purpose.in_({purpose, MARKETING}),
    )
    decided: dict[int, dict[str, Any]] = {}
    for row in rows_of(connection, query):
        other = decided.get(row["person_id"])
        decided[row["person_id"]] = row if other is None else _that_counts(row, other)
    for person_id, row in decided.items():
        verb = "granted" if row["is_granted"] else "withdrawn"
        source = row["source"] or "source unknown"
        why = f"{row['purpose']} by {channel} {verb} on {row['decided_at']:%Y-%m-%d} ({source})"
        answers[person_id] = Permission(row["is_granted"], why)
    return answers


def _that_counts(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Of a decision on marketing and one on a narrower purpose, the one that counts."""
    general, narrow = (one, other) if one["purpose"] == MARKETING else (other, one)
    is_revoked = not general["is_granted"] and general["decided_at"] > narrow["decided_at"]
    return general if is_revoked else narrow


def find_granted(
    connection: Connection, person_ids: Collection[int], channel: str, purpose: str = MARKETING
) -> set[int]:
    """Who of these agreed: the same answers as `find_permissions`, without the words, for thousands at once."""
    if purpose != MARKETING:
        found = find_permissions(connection, person_ids, channel, purpose)
        return {person_id for person_id, answer in found.items() if answer.is_granted}
    asked = {"these": these(connection, person_ids), "channel_": channel, "purpose_": purpose}
    return set(connection.execute(_granted(connection.dialect.name), asked).scalars().all())  # at once: thousands


@cache
def _granted(dialect: str) -> sa.Select[Any]:
    return sa.select(consents.c.person_id).where(
        among_these(dialect, consents.c.person_id),
        consents.c.channel == sa.bindparam("channel_"),
        consents.c.purpose == sa.bindparam("purpose_"),
        consents.c.is_granted,
    )


def sync_consent(store: Store, workspace: Workspace, person_ids: Iterable[int], now: datetime) -> int:
    """Bring the warehouse's consent of these people into the store; gives how many decisions were read."""
    wanted = sorted(set(person_ids))
    if not wanted:
        return 0
    query = """
        select person_id, channel, purpose, is_granted, decided_at, source, evidence
        from consent.person_channel_consent
        where person_id in (select unnest(?::bigint[])) and decided_at is not null
    """
    found = workspace.rows(query, [wanted])  # once: the table is read from end to end
    for batch in chunks(found):
        with store.write() as connection:
            record_decisions(connection, [_decision(row) for row in batch], now)
    return len(found)


def _decision(row: dict[str, object]) -> Decision:
    decided_at = row["decided_at"]
    assert isinstance(decided_at, datetime)  # noqa: S101 - the mart's contract says timestamp
    return Decision(
        person_id=int(str(row["person_id"])),
        channel=str(row["channel"]),
        purpose=str(row["purpose"]),
        is_granted=bool(row["is_granted"]),
        decided_at=decided_at,
        source=str(row["source"] or ""),
        evidence=str(row["evidence"] or ""),
    )
