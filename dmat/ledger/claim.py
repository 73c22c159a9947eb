"""Claiming: a small batch of due messages passes the gate and is committed to one sender, in one transaction.

Belongs here: taking, handing over, and writing down the answer. Stays out: the gate's questions
(`dmat/campaigns/gate.py`, given in as a function), rendering and the provider (`dmat_pipelines/deliver`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.ledger.entries import (
    ACCEPTED,
    AMBIGUOUS,
    CLAIMED,
    ENTRY_COLUMNS,
    HANDED_OVER,
    HELD_OUT,
    PLANNED,
    REJECTED,
    Entry,
    entries_of,
)
from dmat.ledger.fence import SETTLE_SECONDS, Fence, check_fence, count_hand_over, remember_hand_over
from dmat.ledger.post import Move, keep_rendered, move
from dmat.store.engine import Store, lock_rows
from dmat.store.tables import ledger_entries

BATCH = 16  # as many as are sent at once: what is ambiguous after a crash is what was claimed
PATIENT_ATTEMPTS, LONGEST_PAUSE_SECONDS = 3, 900


@dataclass(frozen=True)
class Verdict:
    """The gate's answer: `state` is what the message becomes; `planned` means later, at `at`."""

    state: str
    reason: str
    at: datetime | None = None


Gate = Callable[[Connection, Sequence[Entry], datetime], Mapping[str, Verdict]]


@dataclass
class ClaimReport:
    """What one claim did: the entries to send, and how many went which other way."""

    entries: list[Entry] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)

    @property
    def examined_count(self) -> int:
        """How many due entries were looked at; 0 means that nothing is due."""
        return sum(self.verdicts.values())


def claim(store: Store, fence: Fence, gate: Gate, now: datetime, limit: int = BATCH) -> ClaimReport:
    """Take up to `limit` due messages through the gate.

    Raises:
        FencedError: another sender took over.
    """
    report = ClaimReport()
    with store.write() as connection:
        check_fence(connection, fence)
        due = _due(connection, now, limit)
        if not due:
            return report
        verdicts = gate(connection, due, now)
        move(connection, [_move_of(entry, verdicts[entry.message_id], fence, now) for entry in due], now)
    report.entries = [entry for entry in due if verdicts[entry.message_id].state == CLAIMED]
    report.verdicts.update(verdicts[entry.message_id].state for entry in due)
    return report


def has_due(store: Store, now: datetime) -> bool:
    """Whether anything is due; a look that locks nothing."""
    table = ledger_entries.c
    query = sa.select(table.message_id).where(table.state == PLANNED, table.not_before <= now).limit(1)
    with store.read() as connection:
        return connection.execute(query).first() is not None


def _due(connection: Connection, now: datetime, limit: int) -> list[Entry]:
    table = ledger_entries.c
    query = sa.select(*ENTRY_COLUMNS).where(table.state == PLANNED, table.not_before <= now)
    query = query.order_by(table.not_before, table.message_id).limit(limit)
    return entries_of(connection, lock_rows(connection, query, skip_locked=True))


def _move_of(entry: Entry, verdict: Verdict, fence: Fence, now: datetime) -> Move:
    values: dict[str, Any] = {}
    if verdict.state == PLANNED:
        values = {"not_before": verdict.at}
    elif verdict.state == CLAIMED:
        values = {"claimed_at": now, "claimed_by": fence.start_id, "attempts": entry.attempts + 1}
    elif verdict.state == HELD_OUT:
        values = {"claimed_at": now}  # when it would have been sent: the moment from which both groups are compared
    return Move(entry.message_id, verdict.state, verdict.reason, values)


def hand_over(
    store: Store, fence: Fence, rendered: Sequence[Mapping[str, Any]], provider: str, now: datetime
) -> set[str]:
    """Commit that these messages leave now, as rendered; only those given back may really be sent.

    Raises:
        FencedError: another sender took over; nothing may be sent.
    """
    moves = [
        Move(
            str(item["message_id"]),
            HANDED_OVER,
            f"handed to {provider}",
            {"handed_over_at": now, "subject": item["subject"], "provider": provider},
            only_claimed_by=fence.start_id,
        )
        for item in rendered
    ]
    with store.write() as connection:
        check_fence(connection, fence)
        made = set(move(connection, moves, now))
        keep_rendered(connection, [item for item in rendered if item["message_id"] in made])
        count = count_hand_over(connection, fence)
    remember_hand_over(fence, count)
    return made


def accepted(message_id: str, provider_message_id: str, now: datetime) -> Move:
    """The provider took it."""
    values = {"accepted_at": now, "provider_message_id": provider_message_id, "settles_at_epoch": None}
    return Move(message_id, ACCEPTED, "the provider took it", values)


def refused(message_id: str, detail: str) -> Move:
    """The provider, or rendering, says that it never will."""
    return Move(message_id, REJECTED, detail[:500], only_from=frozenset({CLAIMED, HANDED_OVER}))


def not_taken(entry: Entry, detail: str, now: datetime) -> Move:
    """The provider did nothing with it: plan it again, after a pause when it happened often."""
    pause = 0.0 if entry.attempts < PATIENT_ATTEMPTS else min(2.0**entry.attempts, LONGEST_PAUSE_SECONDS)
    values = {"not_before": now + timedelta(seconds=pause), "claimed_by": ""}
    return Move(entry.message_id, PLANNED, detail[:500], values, only_from=frozenset({CLAIMED, HANDED_OVER}))


def uncertain(message_id: str, detail: str, settle_seconds: float = SETTLE_SECONDS) -> Move:
    """Nobody knows; evidence is looked for after the settle time (of the system's clock)."""
    values = {"settles_at_epoch": time.time() + settle_seconds}
    return Move(message_id, AMBIGUOUS, detail[:500], values, only_from=frozenset({HANDED_OVER}))


def write_answers(store: Store, moves: Sequence[Move], now: datetime) -> dict[str, str]:
    """Write down the answers of a batch in one transaction; answers that come too late change nothing."""
    with store.write() as connection:
        return move(connection, moves, now)
