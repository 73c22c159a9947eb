"""Claiming: a small batch of due messages passes the gate and is committed to one sender, in one transaction.

Belongs here: taking, handing over, and writing down the answer. Stays out: the gate's questions
(`dmat/campaigns/gate.py`, given in as a function), rendering and the provider (`dmat_pipelines/deliver`).
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
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
from dmat.ledger.sets import SetMove, keep_filled, move_set
from dmat.store.engine import Store, lock_rows
from dmat.store.tables import ledger_entries

SET_FROM = 4  # from so many on, messages with the same verdict are written together
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
) -> ClaimReport:
    """Take up to `limit` due messages of a channel through the gate; programmes take turns, paused ones wait.

    Args:
        store: the store.
        fence: the right to send.
        gate: see `dmat/campaigns/gate.py`.
        now: the workspace's time.
        limit: at most so many.
        channel: of which.
        after: the programme at which the claim before ended.

    Raises:
        FencedError: another sender took over.
    """
    report = ClaimReport(last=after)
    with store.write() as connection:
        check_fence(connection, fence)
        due: list[Entry] = []
        for programme in _in_turn(due_programmes(connection, channel, now), after):
            due += _due(connection, channel, programme, now, limit - len(due))
            report.last = programme
            if len(due) >= limit:
                break
        if not due:
            return report
        verdicts = gate(connection, due, now)
        _write_verdicts(connection, due, verdicts, fence.owner, now)
    report.entries = [entry for entry in due if verdicts[entry.message_id].state == CLAIMED]
    report.verdicts.update(verdicts[entry.message_id].state for entry in due)
    return report


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


def _due(connection: Connection, channel: str, programme: str, now: datetime, limit: int) -> list[Entry]:
    table = ledger_entries.c
    query = sa.select(*ENTRY_COLUMNS).where(
        table.state == PLANNED, table.channel == channel, table.programme == programme, table.not_before <= now
    )
    query = query.order_by(table.not_before).limit(limit)
    return entries_of(connection, lock_rows(connection, query, skip_locked=True))


def _write_verdicts(
    connection: Connection, due: Sequence[Entry], verdicts: Mapping[str, Verdict], owner: str, now: datetime
) -> None:
    """Many of one verdict are written with a few statements, the others one by one."""
    groups: dict[Verdict, list[Entry]] = defaultdict(list)
    for entry in due:
        groups[verdicts[entry.message_id]].append(entry)
    single: list[Move] = []
    for verdict, entries in groups.items():
        if len(entries) < SET_FROM:
            single += [move_of(entry, verdict, owner, now) for entry in entries]
            continue
        values = _values_of(verdict, owner, now)
        if verdict.state == CLAIMED:
            values["attempts"] = ledger_entries.c.attempts + 1
        move_set(connection, [e.message_id for e in entries], SetMove(verdict.state, verdict.reason, values), now)
    move(connection, single, now)


def move_of(entry: Entry, verdict: Verdict, owner: str, now: datetime) -> Move:
    """What a verdict makes of an entry."""
    values = _values_of(verdict, owner, now)
    if verdict.state == CLAIMED:
        values["attempts"] = entry.attempts + 1
    return Move(entry.message_id, verdict.state, verdict.reason, values)


def _values_of(verdict: Verdict, owner: str, now: datetime) -> dict[str, Any]:
    if verdict.state == PLANNED:
        return {"not_before": verdict.at}
    if verdict.state == CLAIMED:
        return {"claimed_at": now, "claimed_by": owner}
    if verdict.state == HELD_OUT:
        return {"claimed_at": now}  # when it would have been sent: the moment from which both groups are compared
    return {}


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
            {"handed_over_at": now, "subject": item["subject"], "provider": provider, "batch_id": ""},
            only_claimed_by=fence.owner,
        )
        for item in rendered
    ]
    with store.write() as connection:
        count = count_hand_over(connection, fence)
        made = set(move(connection, moves, now))
        keep_rendered(connection, [item for item in rendered if item["message_id"] in made])
    remember_hand_over(fence, count)
    return made


@dataclass(frozen=True)
class Request:
    """Messages that leave in one request, as they are kept "as sent".

    Attributes:
        batch_id: ours, of the request; every message of it names it.
        kept: one row a message, see `sets.KEPT`.
        common: column -> value of `rendered_messages` that all of them have.
    """

    batch_id: str
    kept: Sequence[tuple[Any, ...]]
    common: Mapping[str, Any]


def hand_over_requests(
    store: Store, fence: Fence, requests: Sequence[Request], provider: str, now: datetime
) -> set[str]:
    """The same for requests that carry many messages each: all of them in one transaction, before any leaves.

    Raises:
        FencedError: another sender took over; nothing may be sent.
    """
    made: set[str] = set()
    with store.write() as connection:
        count = count_hand_over(connection, fence)
        for request in requests:
            values = {"handed_over_at": now, "provider": provider, "batch_id": request.batch_id}
            step = SetMove(HANDED_OVER, f"handed to {provider}", values, only_claimed_by=fence.owner)
            moved = set(move_set(connection, [row[0] for row in request.kept], step, now))
            keep_filled(connection, request.common, [row for row in request.kept if row[0] in moved])
            made |= moved
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
    values = {"not_before": now + _pause_after(entry.attempts), "claimed_by": ""}
    return Move(entry.message_id, PLANNED, detail[:500], values, only_from=frozenset({CLAIMED, HANDED_OVER}))


def _pause_after(attempts: int) -> timedelta:
    if attempts < PATIENT_ATTEMPTS:
        return timedelta(0)
    return timedelta(seconds=min(2.0 ** min(attempts, 20), LONGEST_PAUSE_SECONDS))


def uncertain(message_id: str, detail: str, settle_seconds: float = SETTLE_SECONDS) -> Move:
    """Nobody knows; evidence is looked for after the settle time (of the system's clock)."""
    values = {"settles_at_epoch": time.time() + settle_seconds}
    return Move(message_id, AMBIGUOUS, detail[:500], values, only_from=frozenset({HANDED_OVER}))


def write_answers(store: Store, moves: Sequence[Move], now: datetime) -> dict[str, str]:
    """Write down the answers of a batch in one transaction; answers that come too late change nothing."""
    with store.write() as connection:
        return move(connection, moves, now)


@dataclass(frozen=True)
class SetAnswer:
    """What became of all messages of a request."""

    message_ids: Sequence[str]
    step: SetMove


def all_accepted(message_ids: Sequence[str], provider_message_id: str, now: datetime) -> SetAnswer:
    """The provider took them all."""
    values = {"accepted_at": now, "provider_message_id": provider_message_id, "settles_at_epoch": None}
    return SetAnswer(message_ids, SetMove(ACCEPTED, "the provider took it", values))


def all_uncertain(message_ids: Sequence[str], detail: str, settle_seconds: float = SETTLE_SECONDS) -> SetAnswer:
    """Nobody knows what became of any of them."""
    values = {"settles_at_epoch": time.time() + settle_seconds}
    step = SetMove(AMBIGUOUS, detail[:500], values, only_from=frozenset({HANDED_OVER}))
    return SetAnswer(message_ids, step)


def none_taken(entries: Sequence[Entry], detail: str, now: datetime) -> list[SetAnswer]:
    """The provider did nothing with any of them."""
    groups: dict[int, list[str]] = defaultdict(list)
    for entry in entries:
        groups[entry.attempts].append(entry.message_id)
    found = []
    for attempts, ids in groups.items():
        values = {"not_before": now + _pause_after(attempts), "claimed_by": ""}
        step = SetMove(PLANNED, detail[:500], values, only_from=frozenset({CLAIMED, HANDED_OVER}))
        found.append(SetAnswer(ids, step))
    return found


def write_set_answers(store: Store, answers: Sequence[SetAnswer], now: datetime) -> int:
    """Write down the answers to requests in one transaction; gives how many messages moved."""
    with store.write() as connection:
        return sum(len(move_set(connection, answer.message_ids, answer.step, now)) for answer in answers)
