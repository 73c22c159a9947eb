"""What colleagues write about a person on their page: notes, tasks, and what became of them.

Belongs here: from what was typed to the store, and what to tell the writer. Stays out: rules (`dmat/people/notes.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from apps.context import Context
from apps.screens.people.knowing import Person360
from dmat.errors import InvalidInputError, NotFoundError
from dmat.people.notes import Note, delete_note, end_task, reopen_task, write_note
from dmat.store.users import User

Act = Callable[[Context, Person360, Any, User], str]


def write(context: Context, person: Person360, value: Any, user: User) -> str:
    """Keep what was typed.

    Raises:
        InvalidInputError: no words, no day where one is needed, or nobody who may sign in.
    """
    fields: Mapping[str, Any] = value if isinstance(value, dict) else {}
    typed = str(fields.get("due_on") or "")
    try:
        due_on = date.fromisoformat(typed) if typed else None
    except ValueError:
        raise InvalidInputError("due_on", f"{typed[:20]!r} is no day", "a day such as 2026-11-20") from None
    words, who = str(fields.get("words") or ""), str(fields.get("assigned_to") or "")
    kept = write_note(context.store, person.person_id, words, user.email, context.now(), due_on, who)
    return "The task is kept" if kept.is_task else "The note is kept"


def _of(person: Person360, value: Any) -> Note:
    for note in person.notes:
        if str(note.note_id) == str(value):
            return note
    raise NotFoundError("this person has no such note")


def end(context: Context, person: Person360, value: Any, user: User) -> str:
    """Say that a task of this person is done.

    Raises:
        NotFoundError: there is none.
    """
    end_task(context.store, _of(person, value).note_id, user.email, context.now())
    return "The task is done"


def reopen(context: Context, person: Person360, value: Any, user: User) -> str:
    """Say that it is not done after all.

    Raises:
        NotFoundError: there is none.
    """
    reopen_task(context.store, _of(person, value).note_id, user.email, context.now())
    return "The task is open again"


def delete(context: Context, person: Person360, value: Any, user: User) -> str:
    """Delete a note or task.

    Raises:
        NotFoundError: there is none. NotPermittedError: somebody else wrote it.
    """
    gone = delete_note(context.store, _of(person, value).note_id, user.email, context.now(), user.role == "admin")
    return f"“{gone.words[:80]}” is deleted"


ACTS: dict[str, Act] = {"write-note": write, "end-task": end, "reopen-task": reopen, "delete-note": delete}
