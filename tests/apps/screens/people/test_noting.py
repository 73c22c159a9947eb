"""Under test: notes and tasks on a person's page, and at home when a task is due."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from serving_fixture import NASTY, STORIES

from apps.screens.home.needs import Waiting, list_needs
from apps.screens.home.waiting import read_tasks
from apps.screens.people.files import write_person
from apps.screens.people.screen import PeopleScreen
from apps.screens.people.timeline import read_timeline
from dmat.metrics.periods import today_in
from dmat.people.notes import delete_note, notes_of
from dmat.store.users import User

MARKETER = User(2, "marketer@example.com", "Marketer", "marketer")
ANALYST = User(3, "analyst@example.com", "Analyst", "analyst")


@pytest.fixture
def ana(context):
    """Her number; her notes are gone afterwards."""
    [row] = context.workspace.rows("select person_id from people.dim_people where email = ?", [STORIES[0].email])
    yield int(row["person_id"])
    for note in notes_of(context.store, [row["person_id"]]):
        delete_note(context.store, note.note_id, "", context.now(), is_admin=True)


def page_of(context, person: int, user: User = MARKETER) -> PeopleScreen:
    screen = PeopleScreen(context, user)
    screen.state.person = str(person)
    screen.refresh(context.pulse())()
    return screen


def act(screen, name, value):
    asyncio.run(screen._on_action(name, value))


def test_a_task_is_given_shown_done_and_told_on_the_timeline(context, ana):
    page, today = page_of(context, ana), today_in(context.zone, context.now())
    act(page, "write-note", {"words": "Call back", "due_on": str(today), "assigned_to": ""})
    assert "The task is kept." in page.head.html
    assert "Call back" in page.beside.html
    [task] = notes_of(context.store, [ana])
    act(page, "end-task", str(task.note_id))
    assert "Not done after all" in page.beside.html
    told = [moment for moment in read_timeline(context, page.answer[1]) if moment.kind == "note"]
    assert [(each.title, each.detail) for each in told] == [("Task done by marketer", "Call back")]
    act(page, "reopen-task", str(task.note_id))
    act(page, "delete-note", str(task.note_id))
    assert notes_of(context.store, [ana]) == []


def test_a_task_that_is_due_is_told_at_home_to_whom_it_was_given(context, ana):
    page, today = page_of(context, ana), today_in(context.zone, context.now())
    for words, day in (("late", today - timedelta(days=1)), ("now", today), ("later", today + timedelta(days=1))):
        act(page, "write-note", {"words": words, "due_on": str(day)})
    tasks = read_tasks(context, MARKETER.email)
    assert [(words, is_late) for _, words, is_late in tasks] == [("late", True), ("now", False)]
    assert read_tasks(context, "sales@example.com") == ()
    needs = list_needs(None, None, context.pulse(), context.now(), Waiting(tasks=tasks))
    assert (needs[0].what, needs[0].tone, needs[0].link) == ("late", "danger", f"/people?id={ana}")


@pytest.mark.parametrize(
    ("form", "words"),
    [({"words": "x", "due_on": "soon"}, "no day"), ({"words": ""}, "1 to 2,000"), (None, "1 to 2,000"),
     ({"words": "x", "assigned_to": "nobody@example.com", "due_on": "2026-11-20"}, "may not sign in")],
)  # fmt: skip
def test_what_cannot_be_kept_is_said_on_the_page(context, ana, form, words):
    page = page_of(context, ana)
    act(page, "write-note", form)
    assert words in page.head.html
    assert notes_of(context.store, [ana]) == []


def test_what_is_typed_is_text_and_belongs_to_what_is_known_of_the_person(context, ana):
    page = page_of(context, ana)
    act(page, "write-note", {"words": NASTY})
    assert NASTY not in page.beside.html + page.timeline.html
    assert json.loads(write_person(context, str(ana), MARKETER))["notes"][0]["words"] == NASTY


def test_notes_of_others_are_out_of_reach(context, ana):
    page = page_of(context, ana)
    act(page, "write-note", {"words": "x"})
    [row] = context.workspace.rows("select person_id from people.dim_people where email = ?", [STORIES[1].email])
    other = page_of(context, int(row["person_id"]))
    [note] = notes_of(context.store, [ana])
    act(other, "delete-note", str(note.note_id))
    assert "no such note" in other.head.html
    analyst = page_of(context, ana, ANALYST)
    act(analyst, "write-note", {"words": "y"})
    assert notes_of(context.store, [ana]) == [note]
