"""Saved questions belong to somebody, are seen by all when shared, and are changed by one at a time; notes on days."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from dmat.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError
from dmat.metrics.annotations import annotate, annotations_of, take_back
from dmat.metrics.question import Question
from dmat.metrics.saved import change, delete, get, listed, save
from dmat.store import Store
from dmat.store.workspace_values import read_audit

NOW = datetime(2026, 3, 10, 12, 0)
ANN, BOB = "ann@shop.example", "bob@shop.example"
ASKED = Question(metrics=("sent", "open_rate"), period="last_30_days", grain="day", dimensions=("channel",))


def test_a_saved_question_is_asked_again_as_it_was(both_stores: Store) -> None:
    made = save(both_stores, ASKED, " Opens  by channel ", ANN, NOW, chart="line", words="For Mondays.")
    found = get(both_stores, made.question_id, ANN)
    assert (found.name, found.chart, found.words, found.revision) == ("Opens by channel", "line", "For Mondays.", 1)
    assert found.question == ASKED
    assert read_audit(both_stores)[0]["action"] == "save a question"


def test_others_see_only_what_is_shared_and_change_nothing(both_stores: Store) -> None:
    secret = save(both_stores, ASKED, "Mine", ANN, NOW)
    shared = save(both_stores, ASKED, "Ours", ANN, NOW, is_shared=True)
    assert [each.name for each in listed(both_stores, BOB)] == ["Ours"]
    assert [each.name for each in listed(both_stores, ANN)] == ["Mine", "Ours"]
    with pytest.raises(NotFoundError):
        get(both_stores, secret.question_id, BOB)
    with pytest.raises(NotPermittedError, match=ANN):
        change(both_stores, shared.question_id, BOB, NOW, 1, question=ASKED, name="His")
    with pytest.raises(NotPermittedError):
        delete(both_stores, shared.question_id, BOB, NOW)
    delete(both_stores, secret.question_id, BOB, NOW, is_admin=True)


def test_who_changes_what_was_changed_meanwhile_is_told(both_stores: Store) -> None:
    made = save(both_stores, ASKED, "Opens", ANN, NOW)
    changed = change(both_stores, made.question_id, ANN, NOW, 1, question=ASKED, name="Opens", is_shared=True)
    assert (changed.revision, changed.is_shared) == (2, True)
    with pytest.raises(ConflictError, match="meantime"):
        change(both_stores, made.question_id, ANN, NOW, 1, question=ASKED, name="Opens")


def test_a_name_is_taken_once_for_each_owner(both_stores: Store) -> None:
    save(both_stores, ASKED, "Opens", ANN, NOW)
    save(both_stores, ASKED, "Opens", BOB, NOW)
    with pytest.raises(ConflictError, match="already"):
        save(both_stores, ASKED, "OPENS", ANN, NOW)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"name": " "}, "name"), ({"chart": "pie"}, "chart"), ({"question": {"metrics": ["moon"]}}, "since"),
     ({"question": {"metrics": ["moon"], "period": "today"}}, "metrics")],
)  # fmt: skip
def test_what_could_never_be_asked_is_not_saved(store: Store, wrong: dict[str, object], field: str) -> None:
    given = {"name": "Opens", "chart": "table", "question": ASKED} | wrong
    with pytest.raises(InvalidInputError) as refused:
        save(store, given["question"], given["name"], ANN, NOW, chart=given["chart"])  # type: ignore[arg-type]
    assert refused.value.field == field
    assert listed(store, ANN) == []


def test_a_deleted_question_can_be_saved_again(both_stores: Store) -> None:
    made = save(both_stores, ASKED, "Opens", ANN, NOW, is_shared=True)
    gone = delete(both_stores, made.question_id, ANN, NOW)
    assert listed(both_stores, ANN) == []
    again = save(both_stores, gone.question, gone.name, ANN, NOW, is_shared=gone.is_shared)
    assert again.question == made.question


def test_notes_are_those_of_the_days_that_are_looked_at(both_stores: Store) -> None:
    annotate(both_stores, date(2026, 3, 1), "Spring sale", ANN, NOW, last_day=date(2026, 3, 3))
    annotate(both_stores, date(2026, 3, 5), "New  prices", BOB, NOW, subject="campaign:7")
    annotate(both_stores, date(2026, 4, 1), "Later", BOB, NOW)
    march = annotations_of(both_stores, date(2026, 3, 3), date(2026, 4, 1))
    assert [note.words for note in march] == ["Spring sale"]
    both = annotations_of(both_stores, date(2026, 3, 3), date(2026, 4, 1), ("campaign:7",))
    assert [note.words for note in both] == ["Spring sale", "New prices"]


def test_a_note_is_taken_back_by_who_wrote_it(both_stores: Store) -> None:
    note = annotate(both_stores, date(2026, 3, 1), "Spring sale", ANN, NOW)
    with pytest.raises(NotPermittedError):
        take_back(both_stores, note.annotation_id, BOB, NOW)
    assert take_back(both_stores, note.annotation_id, ANN, NOW).words == "Spring sale"
    with pytest.raises(NotFoundError):
        take_back(both_stores, note.annotation_id, ANN, NOW)


@pytest.mark.parametrize(
    ("words", "last_day", "field"),
    [("", None, "words"), ("x" * 301, None, "words"), ("x", date(2026, 2, 1), "last_day")],
)
def test_a_note_without_words_or_with_days_turned_round_is_refused(
    store: Store, words: str, last_day: date | None, field: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        annotate(store, date(2026, 3, 1), words, ANN, NOW, last_day=last_day)
    assert refused.value.field == field
