"""Under test: notes and tasks about a person: who has to do what until when, and who may end or delete it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sending_fixtures import NOON

from dmat.errors import InvalidInputError, NotFoundError, NotPermittedError
from dmat.people.notes import LONGEST, delete_note, end_task, notes_of, reopen_task, tasks_of, write_note
from dmat.store.users import create_user, set_active
from dmat.store.workspace_values import read_audit

ANN, BOB = "ann@shop.example", "bob@shop.example"
TODAY, TOMORROW = date(2026, 3, 10), date(2026, 3, 11)


@pytest.fixture
def desk(store):
    for email in (ANN, BOB):
        create_user(store, email, "correct horse battery", "marketer", email)
    return store


def test_a_note_has_no_day_and_a_task_has_one_and_somebody(desk):
    note = write_note(desk, 7, "  Likes green.\n", ANN, NOON)
    task = write_note(desk, 7, "Call back", ANN, NOON, TODAY)
    given = write_note(desk, 7, "Send the offer", ANN, NOON, TOMORROW, BOB)
    assert (note.words, note.is_task, note.assigned_to) == ("Likes green.", False, "")
    assert (task.is_open, task.assigned_to) == (True, ANN)
    assert given.assigned_to == BOB
    assert [each.words for each in notes_of(desk, [7])] == ["Call back", "Send the offer", "Likes green."]
    assert notes_of(desk, [8]) == []


def test_a_person_who_was_two_has_the_notes_of_both(desk):
    write_note(desk, 7, "first", ANN, NOON)
    write_note(desk, 9, "second", ANN, NOON + timedelta(minutes=1))
    assert [each.words for each in notes_of(desk, [7, 9])] == ["second", "first"]


def test_what_is_due_is_told_to_whom_it_was_given(desk):
    write_note(desk, 7, "today", ANN, NOON, TODAY)
    write_note(desk, 7, "tomorrow", ANN, NOON, TOMORROW)
    other = write_note(desk, 7, "not hers", ANN, NOON, TODAY, BOB)
    assert [each.words for each in tasks_of(desk, ANN, TODAY)] == ["today"]
    assert [each.words for each in tasks_of(desk, BOB, TODAY)] == ["not hers"]
    end_task(desk, other.note_id, BOB, NOON)
    assert tasks_of(desk, BOB, TODAY) == []


def test_done_twice_is_done_once_and_can_be_opened_again(desk):
    task = write_note(desk, 7, "Call back", ANN, NOON, TODAY)
    done = end_task(desk, task.note_id, BOB, NOON)
    assert end_task(desk, task.note_id, ANN, NOON + timedelta(hours=1)) == done
    assert (done.done_by, done.done_at) == (BOB, NOON)
    assert reopen_task(desk, task.note_id, ANN, NOON) == task
    assert [row["action"] for row in read_audit(desk)][:3] == ["task opened again", "task done", "task given"]


def test_only_its_writer_and_administrators_delete_a_note(desk):
    note = write_note(desk, 7, "Likes green.", ANN, NOON)
    with pytest.raises(NotPermittedError, match="wrote this"):
        delete_note(desk, note.note_id, BOB, NOON)
    assert delete_note(desk, note.note_id, BOB, NOON, is_admin=True) == note
    with pytest.raises(NotFoundError):
        delete_note(desk, note.note_id, ANN, NOON)


@pytest.mark.parametrize(
    ("given", "field"),
    [({"words": " "}, "words"), ({"words": "x" * (LONGEST + 1)}, "words"), ({"assigned_to": BOB}, "due_on"),
     ({"assigned_to": "nobody@shop.example", "due_on": TODAY}, "assigned_to")],
)  # fmt: skip
def test_what_cannot_be_kept_says_why(desk, given, field):
    with pytest.raises(InvalidInputError) as refused:
        write_note(desk, 7, **{"words": "x", "by": ANN, "now": NOON} | given)
    assert refused.value.field == field
    assert notes_of(desk, [7]) == []


def test_who_may_no_longer_sign_in_gets_no_task(desk):
    set_active(desk, BOB, False)
    with pytest.raises(InvalidInputError, match="may not sign in"):
        write_note(desk, 7, "x", ANN, NOON, TODAY, BOB)


def test_a_note_cannot_be_done(desk):
    note = write_note(desk, 7, "Likes green.", ANN, NOON)
    with pytest.raises(InvalidInputError, match="is a note"):
        end_task(desk, note.note_id, ANN, NOON)
