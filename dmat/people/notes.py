"""Notes and tasks about a person: what a colleague should know, and what somebody promised to do until when.

Belongs here: keeping them, and who may end or delete one. Stays out: showing them, notes about a lead
(`dmat/scoring/leads.py`), notes on days (`dmat/metrics/annotations.py`). A task is a note with a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import InvalidInputError, NotFoundError, NotPermittedError
from dmat.store.engine import Store, rows_of
from dmat.store.person_tables import person_notes
from dmat.store.tables import users
from dmat.store.workspace_values import write_audit

LONGEST, MOST = 2000, 200


@dataclass(frozen=True)
class Note:
    """A note, or with a day a task.

    Attributes:
        due_on: the day by which it should be done; None for a note.
        assigned_to: address of the user who does it; empty for a note.
        done_at, done_by: when and by whom it was ended.
    """

    note_id: int
    person_id: int
    words: str
    due_on: date | None
    assigned_to: str
    created_at: datetime
    created_by: str
    done_at: datetime | None = None
    done_by: str = ""

    @property
    def is_task(self) -> bool:
        """Whether somebody has to do it."""
        return self.due_on is not None

    @property
    def is_open(self) -> bool:
        """Whether it is a task that is not done."""
        return self.is_task and self.done_at is None


def write_note(
    store: Store, person_id: int, words: str, by: str, now: datetime, due_on: date | None = None, assigned_to: str = ""
) -> Note:
    """Keep a note; with a day it is a task, of its writer unless it is given to somebody.

    Raises:
        InvalidInputError: no words or too many; a task of nobody who may sign in; somebody named without a day.
    """
    words = words.strip()
    if not 0 < len(words) <= LONGEST:
        raise InvalidInputError("words", f"{len(words):,} signs", f"1 to {LONGEST:,}")
    if assigned_to and due_on is None:
        raise InvalidInputError("due_on", "a task needs a day", "the day by which it should be done")
    who = (assigned_to or by) if due_on else ""
    row = {"person_id": person_id, "words": words, "due_on": due_on, "assigned_to": who, "created_at": now,
           "created_by": by, "done_by": ""}  # fmt: skip
    with store.write() as connection:
        if who:
            _check_user(connection, who)
        statement = sa.insert(person_notes).values(row).returning(person_notes.c.note_id)
        number = int(connection.execute(statement).scalar_one())
        write_audit(connection, now, by, "task given" if due_on else "note written", str(person_id), to=who)
        return _find(connection, number)


def _check_user(connection: Connection, email: str) -> None:
    query = sa.select(users.c.user_id).where(users.c.email == email, users.c.is_active.is_(True))
    if connection.execute(query).first() is None:
        raise InvalidInputError("assigned_to", f"{email[:80]!r} may not sign in", "the address of an active user")


def _find(connection: Connection, note_id: int) -> Note:
    found = rows_of(connection, sa.select(person_notes).where(person_notes.c.note_id == note_id))
    if not found:
        raise NotFoundError(f"there is no note {note_id}")
    return Note(**found[0])


def notes_of(store: Store, person_ids: Iterable[int]) -> list[Note]:
    """Notes and tasks about a person under all their numbers: open tasks first by day, then the newest."""
    table = person_notes.c
    is_open = sa.and_(table.due_on.is_not(None), table.done_at.is_(None))
    query = (
        sa.select(person_notes).where(table.person_id.in_(list(person_ids)))
        .order_by(sa.case((is_open, 0), else_=1), sa.case((is_open, table.due_on)), table.created_at.desc(),
                  table.note_id.desc()).limit(MOST)
    )  # fmt: skip
    with store.read() as connection:
        return [Note(**row) for row in rows_of(connection, query)]


def tasks_of(store: Store, email: str, until: date) -> list[Note]:
    """Open tasks of a user that are due until a day, that day too, the oldest first."""
    table = person_notes.c
    query = (
        sa.select(person_notes).where(table.assigned_to == email, table.done_at.is_(None), table.due_on <= until)
        .order_by(table.due_on, table.note_id).limit(MOST)
    )  # fmt: skip
    with store.read() as connection:
        return [Note(**row) for row in rows_of(connection, query)]


def end_task(store: Store, note_id: int, by: str, now: datetime) -> Note:
    """Say that a task is done; doing so twice changes nothing.

    Raises:
        NotFoundError: there is none. InvalidInputError: it is a note, which cannot be done.
    """
    return _set_done(store, note_id, by, now, is_done=True)


def reopen_task(store: Store, note_id: int, by: str, now: datetime) -> Note:
    """Say that a task is not done after all.

    Raises:
        NotFoundError: there is none. InvalidInputError: it is a note.
    """
    return _set_done(store, note_id, by, now, is_done=False)


def _set_done(store: Store, note_id: int, by: str, now: datetime, is_done: bool) -> Note:
    with store.write() as connection:
        found = _find(connection, note_id)
        if not found.is_task:
            raise InvalidInputError("note_id", f"{note_id} is a note", "a task")
        if found.is_open != is_done:
            return found
        done = {"done_at": now if is_done else None, "done_by": by if is_done else ""}
        connection.execute(sa.update(person_notes).where(person_notes.c.note_id == note_id).values(done))
        write_audit(connection, now, by, "task done" if is_done else "task opened again", str(found.person_id))
        return _find(connection, note_id)


def delete_note(store: Store, note_id: int, by: str, now: datetime, is_admin: bool = False) -> Note:
    """Delete what one wrote oneself; gives it, so that it can be written again.

    Raises:
        NotFoundError: there is none. NotPermittedError: somebody else wrote it.
    """
    with store.write() as connection:
        found = _find(connection, note_id)
        if found.created_by != by and not is_admin:
            raise NotPermittedError(f"{found.created_by} wrote this; only they and administrators delete it")
        connection.execute(sa.delete(person_notes).where(person_notes.c.note_id == note_id))
        write_audit(connection, now, by, "note deleted", str(found.person_id))
    return found
