"""Handing over: what leaves is committed first, with its request and as it is sent; answers are written as they come.

Belongs here: that order, and what each answer makes of messages, one by one or all of a request. Stays out: the
requests themselves (`dmat_pipelines/deliver`) and claiming (`dmat/ledger/claim.py`).
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.programmes import paused_programmes
from dmat.consent.suppression import Suppression, suppress
from dmat.errors import FencedError
from dmat.ledger.claim import Gate, Verdict, move_of, set_move_of, write_verdicts
from dmat.ledger.counters import Place
from dmat.ledger.entries import ACCEPTED, AMBIGUOUS, CLAIMED, HANDED_OVER, PLANNED, REJECTED, Entry
from dmat.ledger.fence import SETTLE_SECONDS, Fence, count_hand_over, remember_hand_over
from dmat.ledger.kept import Request, keep_again, keep_request
from dmat.ledger.post import Move, keep_rendered, move
from dmat.ledger.sets import SetMove, move_set, name_request
from dmat.store.engine import Store, lock_rows
from dmat.store.ledger_tables import ledger_entries
from dmat.store.sets import among

PATIENT_ATTEMPTS, LONGEST_PAUSE_SECONDS = 3, 900


@dataclass(frozen=True)
class SetAnswer:
    """What became of all messages of a request."""

    message_ids: Sequence[str]
    step: SetMove


@dataclass
class Leaving:
    """What is to leave now.

    Attributes:
        mails: messages with a request each: rows of `rendered_messages`.
        requests: messages that share one.
        again: id of a new request -> messages handed over before in one that was surely not taken.
        unclaimed: those of the messages that nobody has claimed yet (`claim.look`): the gate is asked for them now.
        failures: unclaimed messages that could not be put together, with the reason; they are rejected if they pass.
    """

    mails: Sequence[Mapping[str, Any]] = ()
    requests: Sequence[Request] = ()
    again: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unclaimed: Sequence[Entry] = ()
    failures: Sequence[tuple[Entry, str]] = ()

    def __bool__(self) -> bool:
        return bool(self.mails or self.requests or self.again or self.unclaimed)


@dataclass
class Handed:
    """What was handed over: the ids that may really be sent, and what became of messages that nobody had claimed."""

    made: set[str] = field(default_factory=set)
    verdicts: Counter[str] = field(default_factory=Counter)
    rejected_count: int = 0


@dataclass
class Answers:
    """What became of what left before."""

    moves: list[Move] = field(default_factory=list)
    sets: list[SetAnswer] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.moves or self.sets or self.suppressions)

    def write(self, connection: Connection, now: datetime) -> None:
        """Write them down inside the caller's transaction; those that come too late change nothing."""
        move(connection, self.moves, now)
        for answer in self.sets:
            move_set(connection, answer.message_ids, answer.step, now)
        if self.suppressions:
            suppress(connection, self.suppressions, now)


def exchange(
    store: Store,
    fence: Fence,
    answers: Answers,
    leaving: Leaving,
    provider: str,
    now: datetime,
    gate: Gate | None = None,
    remember: Callable[[Fence, int], object] = remember_hand_over,
) -> Handed:
    """Write answers down and commit what leaves now, in one transaction; only ids given back may really be sent.

    Args:
        store: the store.
        fence: the right to send.
        answers: what became of what left before.
        leaving: what is to leave.
        provider: its name.
        now: the workspace's time.
        gate: asked for `leaving.unclaimed`, which are claimed in the same transaction.
        remember: counts what was handed over beside the store; must have ended before anything leaves.

    Raises:
        FencedError: another sender took over; nothing may be sent, the answers are written all the same.
    """
    if not leaving:
        if answers:
            with store.write() as connection:
                answers.write(connection, now)
        return Handed()
    try:
        with store.write() as connection:
            count = count_hand_over(connection, fence)
            answers.write(connection, now)
            passed, handed = _pass_gate(connection, fence, leaving, gate, now)
            handed.made = _leave(connection, fence, leaving, provider, now, passed)
    except FencedError:
        exchange(store, fence, answers, Leaving(), provider, now)
        raise
    remember(fence, count)
    return handed


def _pass_gate(
    connection: Connection, fence: Fence, leaving: Leaving, gate: Gate | None, now: datetime
) -> tuple[dict[str, Verdict] | None, Handed]:
    """Ask the gate for what nobody has claimed; gives who passed (None: all was claimed before)."""
    if gate is None:
        return None, Handed()
    paused = paused_programmes(connection)
    entries = [entry for entry in _still_planned(connection, leaving.unclaimed) if entry.programme not in paused]
    verdicts = gate(connection, entries, now) if entries else {}
    refused_ones = [entry for entry in entries if verdicts[entry.message_id].state != CLAIMED]
    write_verdicts(connection, refused_ones, verdicts, fence.owner, now)
    passed = {message_id: verdict for message_id, verdict in verdicts.items() if verdict.state == CLAIMED}
    failed = [(entry, why) for entry, why in leaving.failures if entry.message_id in passed]
    steps = [[move_of(entry, passed[entry.message_id], fence.owner, now), _failed(entry, why)] for entry, why in failed]
    move(connection, [each for pair in steps for each in pair], now)
    return passed, Handed(verdicts=Counter(verdict.state for verdict in verdicts.values()), rejected_count=len(failed))


def _failed(entry: Entry, why: str) -> Move:
    return refused(entry.message_id, f"not rendered: {why}")


def _still_planned(connection: Connection, entries: Sequence[Entry]) -> Sequence[Entry]:
    """On PostgreSQL their rows are locked before the gate locks people, in the order of everybody who locks both."""
    if connection.dialect.name == "sqlite":
        return entries  # the whole store is ours; the step itself looks at the state
    table = ledger_entries.c
    query = sa.select(table.message_id).where(
        among(connection, table.message_id, [entry.message_id for entry in entries]), table.state == PLANNED
    )
    rows = connection.execute(lock_rows(connection, query.order_by(table.message_id), skip_locked=True))
    locked: set[str] = set(rows.scalars().all())
    return [entry for entry in entries if entry.message_id in locked]


def _leave(
    connection: Connection,
    fence: Fence,
    leaving: Leaving,
    provider: str,
    now: datetime,
    passed: Mapping[str, Verdict] | None,
) -> set[str]:
    reason = f"handed to {provider}"
    values = {"handed_over_at": now, "provider": provider, "batch_id": ""}
    made = _leave_alone(connection, fence, leaving, reason, values, now, passed)
    for request in leaving.requests:
        ids = [message_id for message_id in request.kept if passed is None or message_id in passed]
        named = values | {"batch_id": request.batch_id}
        step = SetMove(HANDED_OVER, reason, named, only_claimed_by=fence.owner, expected=CLAIMED)
        if ids and passed is not None:
            step = replace(step, through=set_move_of(passed[ids[0]], fence.owner, now))
        moved = move_set(connection, ids, step, now)
        keep_request(connection, request, moved)
        made.update(moved)
    for batch_id, again in leaving.again.items():
        keep_again(connection, again, batch_id)
        made |= set(name_request(connection, again, batch_id, fence.owner, now))
    return made


def _leave_alone(
    connection: Connection,
    fence: Fence,
    leaving: Leaving,
    reason: str,
    values: Mapping[str, Any],
    now: datetime,
    passed: Mapping[str, Verdict] | None,
) -> set[str]:
    """Messages with a request each."""
    known = {entry.message_id: entry for entry in leaving.unclaimed}
    moves: list[Move] = []
    for item in leaving.mails:
        message_id = str(item["message_id"])
        if passed is not None and message_id not in passed:
            continue
        if passed is not None:
            moves.append(move_of(known[message_id], passed[message_id], fence.owner, now))
        more = {**values, "subject": item["subject"]}
        moves.append(Move(message_id, HANDED_OVER, reason, more, only_claimed_by=fence.owner))
    made = set(move(connection, moves, now))
    keep_rendered(connection, [item for item in leaving.mails if item["message_id"] in made])
    return made


def hand_over(
    store: Store, fence: Fence, rendered: Sequence[Mapping[str, Any]], provider: str, now: datetime
) -> set[str]:
    """Commit that these messages leave now, as rendered; only those given back may really be sent.

    Raises:
        FencedError: another sender took over; nothing may be sent.
    """
    return exchange(store, fence, Answers(), Leaving(mails=rendered), provider, now).made


def write_answers(store: Store, moves: Sequence[Move], now: datetime) -> dict[str, str]:
    """Write down the answers of several messages; gives from which state those that moved came."""
    with store.write() as connection:
        return move(connection, moves, now)


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


def all_accepted(entries: Sequence[Entry], provider_message_id: str, now: datetime) -> SetAnswer:
    """The provider took them all."""
    values = {"accepted_at": now, "provider_message_id": provider_message_id, "settles_at_epoch": None}
    places = Counter(Place(entry.programme, entry.step, entry.variant, entry.channel) for entry in entries)
    step = SetMove(ACCEPTED, "the provider took it", values, expected=HANDED_OVER, places=places)
    return SetAnswer([entry.message_id for entry in entries], step)


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
