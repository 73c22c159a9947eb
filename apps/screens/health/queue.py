"""Questions about sending: the ledger by state and reason, what is unclear, the inbox, and the quarantine.

Belongs here: reading the store. Stays out: changing anything (`deciding.py`); a screen never writes sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from apps.context import Context
from dmat.ledger.entries import STATES, Entry, unresolved
from dmat.ledger.fence import FenceStatus, fence_status
from dmat.store.tables import inbox, ledger_entries, programmes, quarantine

QUARANTINE_SHOWN, UNCLEAR_SHOWN, REASONS_SHOWN = 50, 50, 6
Row = dict[str, Any]

MEANING = {
    "planned": "Waits for its time or for the sender.",
    "claimed": "A sender has taken it and asks the gate.",
    "handed_over": "Given to the provider, no answer yet.",
    "accepted": "The provider took it.",
    "delivered": "It reached the mailbox.",
    "rejected": "The provider or the mailbox refused it.",
    "suppressed": "The gate said no.",
    "held_out": "Not sent on purpose, to measure what mails add.",
    "expired": "Its time was over before it could leave.",
    "ambiguous": "It may or may not have left; resolved by evidence, never by guessing.",
}


@dataclass(frozen=True)
class QueueHealth:
    """Where every message stands, and what came in and was not understood."""

    states: tuple[tuple[str, int], ...]
    reasons: dict[str, tuple[tuple[str, int], ...]]
    unclear: tuple[Entry, ...]
    waiting_events: int
    unlanded_events: int
    oldest_waiting_at: datetime | None
    quarantine: tuple[Row, ...]
    quarantined: int
    paused: tuple[Row, ...]
    sending: FenceStatus

    @property
    def total(self) -> int:
        """All messages of the ledger."""
        return sum(count for _, count in self.states)


def read_queue(context: Context) -> QueueHealth:
    """The state of sending this second."""
    by_reason = sa.select(ledger_entries.c.state, ledger_entries.c.reason, sa.func.count()).group_by(
        ledger_entries.c.state, ledger_entries.c.reason
    )
    held = sa.select(
        quarantine.c.quarantine_id, quarantine.c.provider, quarantine.c.reason, quarantine.c.seen_count,
        quarantine.c.received_at, quarantine.c.size_bytes, quarantine.c.url,
    ).where(quarantine.c.replayed_at.is_(None)).order_by(quarantine.c.received_at.desc())  # fmt: skip
    unclear = tuple(unresolved(context.store, UNCLEAR_SHOWN))
    sending = fence_status(context.settings, context.store, context.now())
    with context.store.read() as connection:
        rows: Any = connection.execute(by_reason)
        counted = [(str(state), str(reason), int(count)) for state, reason, count in rows]
        waiting: Any
        oldest: Any
        waiting, oldest = connection.execute(
            sa.select(sa.func.count(), sa.func.min(inbox.c.received_at)).where(inbox.c.applied_at.is_(None))
        ).one()
        return QueueHealth(
            states=_by_state(counted),
            reasons=_reasons(counted),
            unclear=unclear,
            waiting_events=int(waiting),
            unlanded_events=_count(connection, inbox, inbox.c.landed_at.is_(None)),
            oldest_waiting_at=oldest,
            quarantine=tuple(dict(row) for row in connection.execute(held.limit(QUARANTINE_SHOWN)).mappings()),
            quarantined=_count(connection, quarantine, quarantine.c.replayed_at.is_(None)),
            paused=tuple(
                dict(row) for row in connection.execute(sa.select(programmes).where(programmes.c.is_paused)).mappings()
            ),
            sending=sending,
        )


def _count(connection: sa.Connection, table: sa.Table, where: Any) -> int:
    return int(connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0)


def _by_state(counted: list[tuple[str, str, int]]) -> tuple[tuple[str, int], ...]:
    sums = dict.fromkeys(STATES, 0)
    for state, _, count in counted:
        sums[state] = sums.get(state, 0) + count
    return tuple((state, count) for state, count in sums.items() if count)


def _reasons(counted: list[tuple[str, str, int]]) -> dict[str, tuple[tuple[str, int], ...]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for state, reason, count in counted:
        if reason:
            found.setdefault(state, []).append((reason, count))
    return {
        state: tuple(sorted(reasons, key=lambda item: -item[1])[:REASONS_SHOWN]) for state, reasons in found.items()
    }
