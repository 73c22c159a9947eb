"""The fence: which workspace folder may send what this store has planned.

Belongs here: the token outside the database (`<home>/instance.json`), the lock that lets one sender of a folder work
at a time, and a person's yes for a store that was copied or put back. Stays out: claiming (`dmat/ledger/claim.py`).

A store that was copied to another folder finds no token there, or one of another folder; a store that was put back
from a backup is behind the token. Both send nothing until `confirm`. Every start of a sender writes a new start id
to the file first and to the store second, so a death between the two is recognised and harmless; batches handed over
are counted in the store first and in the file second, so a store that counts fewer than the file is an older one.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import FencedError
from dmat.ledger.entries import AMBIGUOUS, CLAIMED, EXPIRED, HANDED_OVER, PLANNED
from dmat.ledger.sets import SetMove, move_set
from dmat.settings import Settings
from dmat.store.engine import Store, lock_rows, upsert
from dmat.store.ledger_tables import IN_FLIGHT, fences, ledger_entries
from dmat.store.workspace_values import write_audit

SENDER, DOOR = "sender", "door"  # a door of the API hands messages to people who fetch them, and outlives senders
SETTLE_SECONDS = 60.0  # longer than any request may take: only then does "not found" mean that it never left
TAKEN_OVER = "another sender took over this store"
OVERDUE = timedelta(hours=2)

_COUNTING = (  # kept, like other statements of each round: building one takes longer than running it
    sa.update(fences)
    .where(
        fences.c.name == SENDER, fences.c.instance_id == sa.bindparam("instance"),
        fences.c.start_id == sa.bindparam("start"),
    )
    .values(handed_over_count=fences.c.handed_over_count + 1)
    .returning(fences.c.handed_over_count)
)  # fmt: skip


@dataclass(frozen=True)
class Fence:
    """The right of one start of one sender; each claim checks that it still stands."""

    instance_id: str
    start_id: str
    home: Path
    worker: str = ""

    @property
    def owner(self) -> str:
        """Who holds the claims: the start, and which of its workers."""
        return f"{self.start_id}/{self.worker}" if self.worker else self.start_id


@dataclass(frozen=True)
class FenceStatus:
    """Whether this folder may send, why not, and what has waited for more than two hours."""

    may_send: bool
    why: str
    overdue_count: int


@contextmanager
def sending_lock(settings: Settings) -> Iterator[bool]:
    """True for the one sender of this folder, False when another is at work; released also by death."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with open(settings.home / "sender.lock", "a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def take_fence(settings: Settings, store: Store, now: datetime, settle_seconds: float = SETTLE_SECONDS) -> Fence:
    """Start sending from this folder; call it while holding `sending_lock`.

    What an earlier start claimed but never handed over is planned again; what it handed over without learning the
    answer becomes ambiguous.

    Raises:
        FencedError: the store was copied here or put back; a person must `confirm` first.
    """
    token = _read_token(settings.home)
    with store.write() as connection:
        row = _row(connection)
        problem = _problem(settings.home, token, row)
        if problem:
            raise FencedError(problem)
        return _start(settings.home, connection, token, now, settle_seconds)


def why_not_sending(settings: Settings, store: Store) -> str:
    """Why this folder may not send; empty when it may."""
    with store.read() as connection:
        return _problem(settings.home, _read_token(settings.home), _row(connection, lock=False))


def fence_status(settings: Settings, store: Store, now: datetime) -> FenceStatus:
    """Whether this folder may send, for Health and `dmat doctor`."""
    problem = why_not_sending(settings, store)
    with store.read() as connection:
        overdue = connection.execute(
            sa.select(sa.func.count())
            .select_from(ledger_entries)
            .where(ledger_entries.c.state == PLANNED, ledger_entries.c.not_before < now - OVERDUE)
        ).scalar_one()
    return FenceStatus(not problem, problem, overdue)


def confirm(
    settings: Settings, store: Store, by: str = "", *, drop_overdue: bool = False, now: datetime | None = None
) -> Fence:
    """A person's yes: from now on this folder sends, and any other folder with the same store does not.

    Args:
        settings: the workspace.
        store: its store.
        by: who said yes.
        drop_overdue: end what has waited for more than two hours instead of sending it.
        now: the workspace's time; the clock's by default.
    """
    now = now or settings.clock.now()
    with store.write() as connection:
        if drop_overdue:
            _drop_overdue(connection, now)
        fence = _start(settings.home, connection, _read_token(settings.home), now, SETTLE_SECONDS, by or "unnamed")
        write_audit(connection, now, by or "command line", "sending confirmed", str(settings.home))
    return fence


def check_fence(connection: Connection, fence: Fence) -> None:
    """Check inside a claim's transaction that nobody took over; nobody can until it ends.

    Raises:
        FencedError: somebody did.
    """
    row = _row(connection, is_shared=True)
    if row is None or (row["instance_id"], row["start_id"]) != (fence.instance_id, fence.start_id):
        raise FencedError(TAKEN_OVER)


def count_hand_over(connection: Connection, fence: Fence) -> int:
    """Count a batch in the store, first thing in the transaction that hands it over; `remember_hand_over` follows it.

    Raises:
        FencedError: another sender took over; nothing may be sent.
    """
    count: int | None = connection.execute(_COUNTING, {"instance": fence.instance_id, "start": fence.start_id}).scalar()
    if count is None:
        raise FencedError(TAKEN_OVER)
    return count


def remember_hand_over(fence: Fence, count: int) -> None:
    """Write the count beside the store, after the transaction and before anything leaves."""
    with _token_lock(fence.home):
        token = _read_token(fence.home)
        if token is not None and token["start_id"] == fence.start_id:  # else somebody took over meanwhile
            _write_token(fence, fence.start_id, max(count, token["handed_over_count"]))


def _row(connection: Connection, lock: bool = True, is_shared: bool = False) -> dict[str, Any] | None:
    """The fence's row; `is_shared` lets other workers claim and hand over meanwhile, but nobody take over."""
    query = sa.select(fences).where(fences.c.name == SENDER)
    if is_shared and connection.dialect.name != "sqlite":
        query = query.with_for_update(read=True, key_share=True)
    elif lock:
        query = lock_rows(connection, query)
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def _problem(home: Path, token: dict[str, Any] | None, row: dict[str, Any] | None) -> str:
    if row is None:
        return ""  # nothing was ever sent from this store
    if token is None or token["instance_id"] != row["instance_id"]:
        return "this store has sent from another folder before; confirm that this one may send now"
    if token["folder"] != _identity(home):
        return "this folder is a copy of one that has sent before; confirm that this one may send now"
    is_other_start = row["start_id"] not in (token["start_id"], token["previous_start_id"])
    if is_other_start or row["handed_over_count"] < token["handed_over_count"]:
        return "this store is older than the folder around it (a backup was put back); confirm that it may send"
    return ""


def _start(
    home: Path,
    connection: Connection,
    token: dict[str, Any] | None,
    now: datetime,
    settle_seconds: float,
    confirmed_by: str = "",
) -> Fence:
    row = _row(connection)
    is_ours = token is not None and not confirmed_by and token["folder"] == _identity(home)
    instance_id = token["instance_id"] if token is not None and is_ours else str(uuid.uuid4())
    fence = Fence(instance_id, str(uuid.uuid4()), home)
    with _token_lock(home):
        _write_token(fence, row["start_id"] if row else "", row["handed_over_count"] if row else 0)
    values = {"instance_id": instance_id, "start_id": fence.start_id, "taken_at": now}
    values |= {"confirmed_by": confirmed_by} if confirmed_by or row is None else {}
    statement = upsert(connection, fences).values(name=SENDER, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    _take_over(connection, fence, now, settle_seconds)
    return fence


def give_back(store: Store, fence: Fence, worker: str, now: datetime, settle_seconds: float = SETTLE_SECONDS) -> int:
    """Give back what a worker of this start held when it died; gives how many messages that were.

    Raises:
        FencedError: another sender took over, and has done so itself.
    """
    dead = replace(fence, worker=worker).owner
    with store.write() as connection:
        check_fence(connection, fence)
        return _recover(connection, ledger_entries.c.claimed_by == dead, now, settle_seconds)


def _take_over(connection: Connection, fence: Fence, now: datetime, settle_seconds: float) -> None:
    _recover(connection, ledger_entries.c.claimed_by.not_in([fence.owner, DOOR]), now, settle_seconds)


def _recover(connection: Connection, whose: sa.ColumnElement[bool], now: datetime, settle_seconds: float) -> int:
    table = ledger_entries.c
    held: dict[str, list[str]] = {CLAIMED: [], HANDED_OVER: []}
    query = sa.select(table.message_id, table.state).where(IN_FLIGHT, table.state.in_(held), whose)
    for row in connection.execute(query):
        held[row.state].append(row.message_id)
    # handing over is committed before a request leaves, so what is only claimed never did
    again = SetMove(PLANNED, "its sender ended before handing it over")
    unknown = SetMove(
        AMBIGUOUS, "its sender ended before the answer came", {"settles_at_epoch": time.time() + settle_seconds}
    )
    moved = move_set(connection, held[CLAIMED], again, now) + move_set(connection, held[HANDED_OVER], unknown, now)
    return len(moved)


def _drop_overdue(connection: Connection, now: datetime) -> None:
    query = sa.select(ledger_entries.c.message_id).where(
        ledger_entries.c.state == PLANNED, ledger_entries.c.not_before < now - OVERDUE
    )
    reason = "overdue when the store was put back; a person chose not to send it"
    overdue: list[str] = list(connection.execute(query).scalars())
    move_set(connection, overdue, SetMove(EXPIRED, reason), now)


@contextmanager
def _token_lock(home: Path) -> Iterator[None]:
    """Workers of one start write the token one after the other; its count never goes back."""
    with open(home / "instance.lock", "a+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released when the file is closed, also by death
        yield


def _identity(home: Path) -> str:
    return f"{home.resolve()}#{home.stat().st_ino}"  # a copy has another path, or another inode


def _read_token(home: Path) -> dict[str, Any] | None:
    try:
        token: dict[str, Any] = json.loads((home / "instance.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    names = {"instance_id", "start_id", "previous_start_id", "folder", "handed_over_count"}
    return token if names <= token.keys() else None


def _write_token(fence: Fence, previous_start_id: str, handed_over_count: int) -> None:
    token = {
        "instance_id": fence.instance_id,
        "start_id": fence.start_id,
        "previous_start_id": previous_start_id,
        "folder": _identity(fence.home),
        "handed_over_count": handed_over_count,
    }
    temporary = fence.home / ".instance.tmp"
    with open(temporary, "w") as handle:
        json.dump(token, handle)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(fence.home / "instance.json")
