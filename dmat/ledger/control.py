"""Control of what is planned: pause, go on, cancel, send again to whom it failed for; and how a programme stands.

Belongs here: what a person may do to messages that have not left, and the figures that must add up. Stays out: the
sender, which obeys within one claim (`dmat_pipelines/deliver`), and plans (`dmat/campaigns`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.programmes import is_paused, pause_programme, resume_programme
from dmat.ledger.bulk import PlannedCounts, PlannedPerson, StepFacts, plan_many
from dmat.ledger.claim import Gate, Verdict, move_of
from dmat.ledger.entries import (
    CLAIMED,
    ENTRY_COLUMNS,
    EXPIRED,
    HELD_OUT,
    PLANNED,
    REJECTED,
    STATES,
    SUPPRESSED,
    AudienceReport,
    Entry,
    entries_of,
    report_of,
)
from dmat.ledger.fence import DOOR, Fence, check_fence
from dmat.ledger.post import move
from dmat.ledger.sets import SetMove, ids_of, move_set, pack_ids
from dmat.store.engine import Store, chunks, lock_rows
from dmat.store.ledger_tables import ledger_entries
from dmat.store.workspace_values import write_audit

WITH_A_REASON = (SUPPRESSED, HELD_OUT, EXPIRED, REJECTED, PLANNED)
ROWS_AT_ONCE = 10_000
RESEND = "resend-"


@dataclass(frozen=True)
class Reason:
    """How many messages got the same "no", or wait for the same thing."""

    state: str
    reason: str
    count: int


def pause(store: Store, programme: str, reason: str, now: datetime, by: str = "") -> None:
    """Stop at the next claim; what is planned stays planned, what is in flight gets its answer."""
    pause_programme(store, programme, reason, now, by)


def resume(store: Store, programme: str, now: datetime, by: str = "") -> None:
    """Let it go on, at once."""
    resume_programme(store, programme, now, by)


def cancel(store: Store, programme: str, reason: str, now: datetime, by: str = "", *, step: str = "") -> int:
    """End what has not left yet; gives how many messages that were. The programme (not a single step) stays paused.

    What is in flight gets its answer; a message that a sender puts back afterwards waits, as the programme is paused,
    and ends when `cancel` is called again.
    """
    why = f"cancelled: {reason}"[:500]
    if not step:
        pause_programme(store, programme, why, now, by)
    count = 0
    while True:
        with store.write() as connection:
            ids = _planned_ids(connection, programme, step)
            count += len(move_set(connection, ids, SetMove(EXPIRED, why, only_from=frozenset({PLANNED})), now))
            if len(ids) < ROWS_AT_ONCE:
                detail = {"reason": reason, "step": step, "messages": count}
                write_audit(connection, now, by or "system", "messages cancelled", programme, **detail)
                return count


def _planned_ids(connection: Connection, programme: str, step: str) -> list[str]:
    table = ledger_entries.c
    query = sa.select(table.message_id).where(table.programme == programme, table.state == PLANNED)
    if step:
        query = query.where(table.step == step)
    found: list[str] = list(connection.execute(lock_rows(connection, query.limit(ROWS_AT_ONCE))).scalars())
    return found


def resend_failed(
    store: Store, programme: str, now: datetime, by: str = "", *, step: str = "", label: str = ""
) -> PlannedCounts:
    """Plan again what was refused or bounced, and only that, each with the values it had; the gate is asked anew.

    Args:
        store: the store.
        programme: of which.
        now: when it is planned, and may leave.
        by: who asked for it.
        step: only this step.
        label: the occurrence of the new messages; "resend-1", "resend-2" ... when empty. The same label again plans
            nothing twice.
    """
    failed = _failed_ids(store, programme, step)
    total = PlannedCounts()
    label = label or _next_label(store, programme)
    for ids in chunks(failed, ROWS_AT_ONCE):
        with store.write() as connection:
            entries = _entries(connection, ids)
            total += _plan_again(connection, entries, label, now)
    with store.write() as connection:
        detail = {"step": step, "label": label, "messages": total.planned}
        write_audit(connection, now, by or "system", "sent again to failed", programme, **detail)
    return total


def _entries(connection: Connection, ids: list[str]) -> list[Entry]:
    query = sa.select(*ENTRY_COLUMNS).where(ledger_entries.c.message_id.in_(ids_of(connection)))
    return entries_of(connection, query.params(ids=pack_ids(connection, ids)))


def _failed_ids(store: Store, programme: str, step: str) -> list[str]:
    """Messages that failed and that no later resend has taken up."""
    table, later = ledger_entries.c, ledger_entries.alias().c
    taken_up = sa.exists().where(
        later.person_id == table.person_id,
        later.programme == table.programme,
        later.programme_version == table.programme_version,
        later.step == table.step,
        later.occurrence.like(f"{RESEND}%"),
        later.planned_at > table.planned_at,
    )
    query = sa.select(table.message_id).where(table.programme == programme, table.state == REJECTED, ~taken_up)
    if step:
        query = query.where(table.step == step)
    with store.read() as connection:
        found: list[str] = list(connection.execute(query.order_by(table.message_id)).scalars())
    return found


def _next_label(store: Store, programme: str) -> str:
    table = ledger_entries.c
    query = (
        sa.select(table.occurrence).distinct().where(table.programme == programme, table.occurrence.like(f"{RESEND}%"))
    )
    with store.read() as connection:
        used: list[str] = list(connection.execute(query).scalars())
    numbers = [name.removeprefix(RESEND) for name in used]
    return f"{RESEND}{max((int(number) for number in numbers if number.isdigit()), default=0) + 1}"


def _plan_again(connection: Connection, entries: Iterable[Entry], label: str, now: datetime) -> PlannedCounts:
    total = PlannedCounts()
    for (version, step, facts), group in _by_facts(entries).items():
        programme = group[0].programme
        people = [
            PlannedPerson(entry.person_id, entry.address, now, json.dumps(entry.context), locale=entry.locale)
            for entry in group
        ]
        total += plan_many(connection, programme, version, step, label, people, facts, now)
    return total


def _by_facts(entries: Iterable[Entry]) -> dict[tuple[int, str, StepFacts], list[Entry]]:
    groups: dict[tuple[int, str, StepFacts], list[Entry]] = defaultdict(list)
    for entry in entries:
        facts = StepFacts(
            channel=entry.channel,
            template=entry.template,
            template_version=entry.template_version,
            variant=entry.variant,
            purpose=entry.purpose,
            priority=entry.priority,
        )
        groups[(entry.programme_version, entry.step, facts)].append(entry)
    return groups


def standing(store: Store, programme: str, step: str = "") -> dict[tuple[str, str], AudienceReport]:
    """(step, channel) -> where its messages stand; the parts of the whole programme add up to `audience_report`."""
    table = ledger_entries.c
    query = sa.select(table.step, table.channel, table.state, sa.func.count().label("count"))
    query = query.where(table.programme == programme, *([table.step == step] if step else []))
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(STATES, 0))
    with store.read() as connection:
        for row in connection.execute(query.group_by(table.step, table.channel, table.state)):
            counts[(row.step, row.channel)][row.state] = row[3]
    return {place: report_of(found) for place, found in sorted(counts.items())}


def reasons(store: Store, programme: str, step: str = "") -> list[Reason]:
    """Every "no" and every "later" of a programme, counted; what differs from person to person is left out."""
    table = ledger_entries.c
    query = sa.select(table.state, table.reason, sa.func.count().label("count"))
    query = query.where(table.programme == programme, table.state.in_(WITH_A_REASON), table.reason != "")
    if step:
        query = query.where(table.step == step)
    counts: Counter[tuple[str, str]] = Counter()
    with store.read() as connection:
        for row in connection.execute(query.group_by(table.state, table.reason)):
            counts[(row.state, plain_reason(row.reason))] += row[2]
    return [Reason(state, reason, count) for (state, reason), count in counts.most_common()]


def plain_reason(reason: str) -> str:
    """A reason without what belongs to one person: moments, addresses, what a provider quotes."""
    if reason.startswith("later, at "):
        return reason.partition(": ")[2] or reason
    return reason.split(" | ")[0].split(": ")[0]


def claim_one(store: Store, fence: Fence | None, gate: Gate, message_id: str, now: datetime) -> Entry | Verdict | None:
    """Take one due message through the gate, for a channel whose messages people fetch themselves.

    Args:
        store: the store.
        fence: of the sender; None for a door of the API, which has none: the lock of the row is enough there.
        gate: see `dmat/campaigns/gate.py`.
        message_id: which.
        now: the workspace's time.

    Returns:
        the entry, now claimed; or the gate's "no" or "later"; or None when it is not due or not planned any more.
    """
    table = ledger_entries.c
    query = sa.select(*ENTRY_COLUMNS).where(
        table.message_id == message_id, table.state == PLANNED, table.not_before <= now
    )
    with store.write() as connection:
        if fence is not None:
            check_fence(connection, fence)
        found = entries_of(connection, lock_rows(connection, query, skip_locked=True))
        if not found or is_paused(connection, found[0].programme):
            return None
        verdict = gate(connection, found, now)[message_id]
        owner = fence.owner if fence is not None else DOOR
        move(connection, [move_of(found[0], verdict, owner, now)], now)
    return found[0] if verdict.state == CLAIMED else verdict
