"""Claiming: a small batch of due messages passes the gate and is committed to one sender, in one transaction.

Belongs here: what is due, whose turn it is, and writing the gate's answers. Stays out: the gate's questions
(`dmat/campaigns/gate.py`, given in as a function), and what follows (`dmat/ledger/hand_over.py`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.ledger.entries import (
    CLAIMED,
    ENTRY_COLUMNS,
    HELD_OUT,
    PLANNED,
    Entry,
    entries_of,
)
from dmat.ledger.fence import Fence, check_fence
from dmat.ledger.post import Move, move
from dmat.ledger.sets import SetMove, move_set
from dmat.store.engine import Store, lock_rows
from dmat.store.ledger_tables import ledger_entries

SET_FROM = 4  # from so many on, messages with the same verdict are written together
BATCH = 16  # as many as are sent at once: what is ambiguous after a crash is what was claimed


@dataclass(frozen=True)
class Verdict:
    """The gate's answer: `state` is what the message becomes; `planned` means later, at `at`."""

    state: str
    reason: str
    at: datetime | None = None


Gate = Callable[[Connection, Sequence[Entry], datetime], Mapping[str, Verdict]]


@dataclass
class Batched:
    """Templates whose messages leave many in a request, and how many of them one claim takes.

    What leaves in a request of its own is claimed in the number of requests at once, because what is ambiguous after
    a crash is what was handed over; `alone` are templates that turned out not to fit into batches.
    """

    limit: int
    alone: set[str] = field(default_factory=set)

    def has(self, template: str) -> bool:
        """Whether messages of this template leave together; those without a template of the store do not."""
        return bool(template) and template not in self.alone


@dataclass
class ClaimReport:
    """What one claim did: the entries to send, and how many went which other way; `last` is the programme it ended at.

    Given back to the next claim, `last` lets programmes take turns.
    """

    entries: list[Entry] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    last: str = ""

    @property
    def examined_count(self) -> int:
        """How many due entries were looked at; 0 means that nothing is due."""
        return sum(self.verdicts.values())


def claim(
    store: Store,
    fence: Fence,
    gate: Gate,
    now: datetime,
    limit: int = BATCH,
    *,
    channel: str = "email",
    after: str = "",
    batched: Batched | None = None,
) -> ClaimReport:
    """Take up to `limit` due messages of a channel through the gate; programmes take turns, paused ones wait.

    Args:
        store: the store.
        fence: the right to send.
        gate: see `dmat/campaigns/gate.py`.
        now: the workspace's time.
        limit: at most so many that leave in a request of their own.
        channel: of which.
        batched: which leave together, and how many of them to take.
        after: the programme at which the claim before ended.

    Raises:
        FencedError: another sender took over.
    """
    report = ClaimReport(last=after)
    with store.write() as connection:
        check_fence(connection, fence)
        due, report.last = _take_turns(connection, now, limit, channel, after, batched)
        if not due:
            return report
        verdicts = gate(connection, due, now)
        write_verdicts(connection, due, verdicts, fence.owner, now)
    report.entries = [entry for entry in due if verdicts[entry.message_id].state == CLAIMED]
    report.verdicts.update(verdicts[entry.message_id].state for entry in due)
    return report


def look(
    store: Store,
    now: datetime,
    limit: int = BATCH,
    *,
    channel: str = "email",
    after: str = "",
    batched: Batched | None = None,
    besides: Collection[str] = (),
) -> ClaimReport:
    """The due messages that `claim` would take, without taking them: for a sender that works alone.

    What is looked at may be prepared, and has no right to leave: the gate is asked when it is handed over.

    Args:
        store, now, limit, channel, after, batched: as in `claim`.
        besides: ids that are being prepared already.
    """
    report = ClaimReport(last=after)
    with store.read() as connection:
        report.entries, report.last = _take_turns(connection, now, limit, channel, after, batched, frozenset(besides))
    return report


def _take_turns(
    connection: Connection,
    now: datetime,
    limit: int,
    channel: str,
    after: str,
    batched: Batched | None,
    besides: frozenset[str] | None = None,
) -> tuple[list[Entry], str]:
    """Due messages, and the programme at which they ended; with `besides`: others than these, and not locked."""
    due: list[Entry] = []
    room, last = {False: limit, True: batched.limit if batched else 0}, after
    for programme in _in_turn(due_programmes(connection, channel, now), after):
        together = batched is not None and batched.has(_next_template(connection, channel, programme, now))
        found = _due(connection, channel, programme, now, room[together], besides)
        room[together] -= len(found)
        due += found
        last = programme
        if room[together] <= 0:
            break
    return due, last


def _next_template(connection: Connection, channel: str, programme: str, now: datetime) -> str:
    table = ledger_entries.c
    query = sa.select(table.template).where(
        table.state == PLANNED, table.channel == channel, table.programme == programme, table.not_before <= now
    )
    return str(connection.execute(query.order_by(table.not_before).limit(1)).scalar() or "")


def has_due(store: Store, now: datetime, channel: str = "email") -> bool:
    """Whether anything is due that is not paused; a look that locks nothing."""
    with store.read() as connection:
        return bool(due_programmes(connection, channel, now))


_DUE_PROGRAMMES = sa.text(
    """
    with recursive waiting (name) as (
        select min(programme) from ledger_entries where state = 'planned' and channel = :channel
        union all
        select (
            select min(programme) from ledger_entries
            where state = 'planned' and channel = :channel and programme > waiting.name
        )
        from waiting where waiting.name is not null
    )
    select name from waiting
    where name is not null
        and not exists (select 1 from programmes as p where p.programme = waiting.name and p.is_paused)
        and exists (
            select 1 from ledger_entries as e
            where e.state = 'planned' and e.channel = :channel and e.programme = waiting.name and e.not_before <= :now
        )
    order by name
    """
).bindparams(sa.bindparam("now", type_=sa.DateTime))


def due_programmes(connection: Connection, channel: str, now: datetime) -> list[str]:
    """Programmes with something due on a channel that are not paused: one look into the index for each."""
    found: list[str] = list(connection.execute(_DUE_PROGRAMMES, {"channel": channel, "now": now}).scalars())
    return found


def _in_turn(programmes: list[str], after: str) -> list[str]:
    return [name for name in programmes if name > after] + [name for name in programmes if name <= after]


_OF_DUE: dict[str, Any] = {  # what is planned has it in no other way, or an earlier attempt left it: nobody asks
    "state": PLANNED, "subject": "", "provider": "", "provider_message_id": "", "claimed_at": None, "claimed_by": "",
    "handed_over_at": None, "accepted_at": None, "delivered_at": None, "settles_at_epoch": None, "batch_id": "",
    "cost_micros": None, "cost_currency": "",
}  # fmt: skip


def _due(
    connection: Connection, channel: str, programme: str, now: datetime, limit: int, besides: frozenset[str] | None
) -> list[Entry]:
    table = ledger_entries.c
    query = sa.select(*ENTRY_COLUMNS).where(
        table.state == PLANNED, table.channel == channel, table.programme == programme, table.not_before <= now
    )
    query = query.order_by(table.not_before).limit(limit)
    known = _OF_DUE | {"channel": channel, "programme": programme, "updated_at": now}
    if besides is None:
        return entries_of(connection, lock_rows(connection, query, skip_locked=True), known)
    query = query.offset(len(besides))  # they come first; who is passed over comes next time
    found = entries_of(connection, query, known)
    return [entry for entry in found if entry.message_id not in besides]


def write_verdicts(
    connection: Connection, due: Sequence[Entry], verdicts: Mapping[str, Verdict], owner: str, now: datetime
) -> None:
    """Many of one verdict are written with a few statements, the others one by one."""
    groups: dict[Verdict, list[Entry]] = defaultdict(list)
    same: dict[int, list[Entry]] = defaultdict(list)
    for entry in due:
        same[id(verdicts[entry.message_id])].append(entry)  # mostly one object: quicker than comparing its words
    for entries in same.values():
        groups[verdicts[entries[0].message_id]] += entries
    single: list[Move] = []
    for verdict, entries in groups.items():
        if len(entries) < SET_FROM:
            single += [move_of(entry, verdict, owner, now) for entry in entries]
            continue
        move_set(connection, [entry.message_id for entry in entries], set_move_of(verdict, owner, now), now)
    move(connection, single, now)


def move_of(entry: Entry, verdict: Verdict, owner: str, now: datetime) -> Move:
    """What a verdict makes of an entry."""
    values = values_of(verdict, owner, now)
    if verdict.state == CLAIMED:
        values["attempts"] = entry.attempts + 1
    return Move(entry.message_id, verdict.state, verdict.reason, values)


def set_move_of(verdict: Verdict, owner: str, now: datetime) -> SetMove:
    """What a verdict makes of many due entries."""
    values = values_of(verdict, owner, now)
    return SetMove(verdict.state, verdict.reason, values, expected=PLANNED, is_attempt=verdict.state == CLAIMED)


def values_of(verdict: Verdict, owner: str, now: datetime) -> dict[str, Any]:
    """The columns that a verdict sets, besides state and reason."""
    if verdict.state == PLANNED:
        return {"not_before": verdict.at}
    if verdict.state == CLAIMED:
        return {"claimed_at": now, "claimed_by": owner}
    if verdict.state == HELD_OUT:
        return {"claimed_at": now}  # when it would have been sent: the moment from which both groups are compared
    return {}
