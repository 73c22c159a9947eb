"""The doors to notes and tasks about people: read, written, done, deleted; and what a colleague has to do.

Belongs here: who may, shapes of bodies and answers. Stays out: what a note is and who ends one
(`dmat/people/notes.py`).
A person is found under each number that they ever had; what is written goes to the one that stays.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from apps.api.callers import caller_with
from apps.api.campaign_bodies import Body
from apps.api.faults import REFUSALS, Door
from apps.api.lead_bodies import zulu
from apps.api.once import IdempotencyKey, once
from dmat.errors import NotFoundError
from dmat.people.notes import LONGEST, Note, delete_note, end_task, notes_of, reopen_task, tasks_of, write_note
from dmat.people.numbers import numbers_of
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller
from dmat.warehouse import Workspace

Person = Annotated[int, Path(ge=1, le=2**63 - 1, description="the person's number")]
Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="the note's number")]


class NoteToWrite(Body):
    """What colleagues should know; with a day it is a task."""

    words: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    due_on: Annotated[date, Field(description="the day by which it should be done, e.g. 2026-11-20")] | None = None
    assigned_to: Annotated[str, Field(max_length=320, description="address of the user; empty: whoever asks")] = ""


class TaskToEnd(Body):
    """What became of a task."""

    is_done: bool


def person_notes_router(settings: Settings, store: Store, desk: Desk) -> APIRouter:
    """/api/people/{id}/notes and /api/tasks."""
    router = APIRouter(prefix="/api", tags=["people"], route_class=Door, responses=REFUSALS, max_body_size=64 * 1024)
    reader, writer = Depends(caller_with(store, "people:read")), Depends(caller_with(store, "people:write"))
    _add_looking(router, store, desk.workspace, reader)
    _add_writing(router, settings, store, desk.workspace, writer)
    _add_ending(router, settings, store, desk.workspace, writer)
    return router


def _add_looking(router: APIRouter, store: Store, view: Workspace, reader: Any) -> None:
    @router.get("/people/{person_id}/notes", summary="Notes and tasks about a person")
    def list_notes(person_id: Person, _caller: Caller = reader) -> dict[str, Any]:
        """Open tasks first by day, then the newest."""
        numbers = numbers_of(view, person_id)
        return {"person_id": numbers[0], "notes": [note_json(note) for note in notes_of(store, numbers)]}

    @router.get("/tasks", summary="Open tasks of a user")
    def list_tasks(
        caller: Caller = reader,
        assigned_to: Annotated[str, Query(max_length=320, description="address of the user; empty: yours")] = "",
        until: Annotated[date | None, Query(description="due until that day; without it all")] = None,
    ) -> dict[str, Any]:
        """The oldest first."""
        who = assigned_to or caller.name
        return {"assigned_to": who, "tasks": [note_json(note) for note in tasks_of(store, who, until or date.max)]}


def _add_writing(router: APIRouter, settings: Settings, store: Store, view: Workspace, writer: Any) -> None:
    @router.post("/people/{person_id}/notes", status_code=201, summary="Write a note, or give a task")
    def keep_note(
        person_id: Person, body: NoteToWrite, caller: Caller = writer, idempotency_key: IdempotencyKey = ""
    ) -> Response:
        """A machine says with `assigned_to` whose task it is."""

        def keep() -> Response:
            number, now = numbers_of(view, person_id)[0], settings.clock.now()
            note = write_note(store, number, body.words, caller.name, now, body.due_on, body.assigned_to)
            return JSONResponse(note_json(note), 201)

        action = f"note on person {person_id}"
        return once(store, caller, action, idempotency_key, body.model_dump_json().encode(), keep)


def _add_ending(router: APIRouter, settings: Settings, store: Store, view: Workspace, writer: Any) -> None:
    def check_is_theirs(person_id: int, note_id: int) -> None:
        if note_id not in {note.note_id for note in notes_of(store, numbers_of(view, person_id))}:
            raise NotFoundError(f"person {person_id} has no note {note_id}")

    @router.patch("/people/{person_id}/notes/{note_id}", summary="Say that a task is done, or not after all")
    def change_task(person_id: Person, note_id: Number, body: TaskToEnd, caller: Caller = writer) -> dict[str, Any]:
        """Doing so twice changes nothing."""
        check_is_theirs(person_id, note_id)
        change = end_task if body.is_done else reopen_task
        return note_json(change(store, note_id, caller.name, settings.clock.now()))

    @router.delete("/people/{person_id}/notes/{note_id}", summary="Delete a note of one's own")
    def remove_note(person_id: Person, note_id: Number, caller: Caller = writer) -> dict[str, Any]:
        """The answer is what was deleted."""
        check_is_theirs(person_id, note_id)
        return note_json(delete_note(store, note_id, caller.name, settings.clock.now()))


def note_json(note: Note) -> dict[str, Any]:
    """A note or task."""
    return {
        "id": note.note_id, "person_id": note.person_id, "words": note.words, "is_task": note.is_task,
        "is_open": note.is_open, "due_on": note.due_on.isoformat() if note.due_on else None,
        "assigned_to": note.assigned_to, "created_at": zulu(note.created_at), "created_by": note.created_by,
        "done_at": zulu(note.done_at), "done_by": note.done_by,
    }  # fmt: skip
