"""Under test: the view model of the builder, without a browser: undo, late answers, drafts, review, saving."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from apps.screens.segments.answers import Answer, Change
from apps.screens.segments.drafting import Drafting, opened
from dmat.errors import ConflictError, InvalidInputError
from dmat.segments.records import Draft, Segment, Use
from dmat.segments.rules import Fault, InvalidRuleError, parse

NOW = datetime(2026, 11, 20, 14, 5)
EVERYBODY = {"version": 1, "where": {"all": []}}
GERMANY = {"version": 1, "where": {"all": [{"field": "country_code", "op": "one_of", "value": ["DE"]}]}}
FRANCE = {"version": 1, "where": {"all": [{"field": "country_code", "op": "one_of", "value": ["FR"]}]}}
UNFINISHED = {"version": 1, "where": {"all": [{"field": ""}]}}
SEGMENT = Segment(1, "germans", "Germans", "", "dynamic", "", (), "ana@example.com", "active", 3, parse(GERMANY), "h",
                  NOW, "ana@example.com", NOW, "ana@example.com")  # fmt: skip


class FakeAnswers:
    """Counts 10 people for whatever is asked; can be held back to come late."""

    def __init__(self):
        self.asked, self.gates, self.faults = [], {}, ()

    def ask(self, document, serial, key="", narrow=None):
        self.asked.append(serial)
        if serial in self.gates:
            self.gates[serial].wait(5)
        return Answer(serial, 10, 100, faults=self.faults)

    def change(self, before, after):
        return Change(gained=4, lost=1, kept=9)


class FakeLibrary:
    """Keeps everything in dictionaries."""

    def __init__(self):
        self.drafts, self.created, self.updated, self.error = {}, [], [], None

    def create(self, **values):
        if self.error:
            raise self.error
        self.created.append(values)
        return replace(SEGMENT, name=values["name"], version=1)

    def update(self, key, **values):
        if self.error:
            raise self.error
        self.updated.append((key, values))
        return replace(SEGMENT, version=4, rule=values["rule"])

    def save_draft(self, user_email, key, document, based_on_version):
        self.drafts[user_email, key] = Draft(user_email, key, document, based_on_version, NOW)
        return self.drafts[user_email, key]

    def drop_draft(self, user_email, key):
        self.drafts.pop((user_email, key), None)

    def used_by(self, key):
        return [Use("journey", "welcome", "Welcome")]


@dataclass
class Desk:
    model: Drafting
    answers: FakeAnswers
    library: FakeLibrary


def desk(segment=None, **card) -> Desk:
    answers, library = FakeAnswers(), FakeLibrary()
    given = {**(opened(segment) if segment else {}), **card}
    model = Drafting(answers, library, "ana@example.com", segment, **given)
    model.debounce = 0.0
    return Desk(model, answers, library)


def run(*steps):
    async def all_of_them():
        for step in steps:
            await step()

    asyncio.run(all_of_them())


def test_an_edit_is_answered_and_kept_as_a_draft():
    at = desk()
    run(lambda: at.model.edit(GERMANY, "b1"))
    assert at.model.answer.count == 10
    assert at.model.answer.serial == "b1"
    assert at.library.drafts["ana@example.com", ""].document["rule"] == GERMANY
    assert at.model.drafted_at == NOW


def test_undo_and_redo_walk_through_the_edits_and_a_new_edit_ends_the_way_forward():
    at = desk()
    run(lambda: at.model.edit(GERMANY, "b1"), lambda: at.model.edit(FRANCE, "b2"))
    run(at.model.undo)
    assert at.model.rule == GERMANY
    assert at.model.can_redo
    run(at.model.undo)
    assert at.model.rule == EVERYBODY
    assert not at.model.can_undo
    run(at.model.redo, at.model.redo)
    assert at.model.rule == FRANCE
    run(at.model.undo, lambda: at.model.edit(UNFINISHED, "b3"))
    assert not at.model.can_redo
    run(at.model.redo)
    assert at.model.rule == UNFINISHED


def test_every_undone_state_has_a_serial_of_its_own():
    at = desk()
    run(lambda: at.model.edit(GERMANY, "b1"), at.model.undo)
    serial = at.model.serial
    run(at.model.redo)
    assert len({serial, at.model.serial, "b1", "0"}) == 4
    assert at.model.answer.serial == at.model.serial


def test_the_same_rule_again_is_no_step_to_undo():
    at = desk()
    run(lambda: at.model.edit(EVERYBODY, "b1"))
    assert not at.model.can_undo


def test_an_answer_that_comes_after_a_newer_edit_is_thrown_away():
    at = desk()
    at.answers.gates["b1"] = threading.Event()

    async def late():
        first = asyncio.create_task(at.model.edit(GERMANY, "b1"))
        while "b1" not in at.answers.asked:
            await asyncio.sleep(0.001)
        await at.model.edit(FRANCE, "b2")
        at.answers.gates["b1"].set()
        await first

    asyncio.run(late())
    assert at.answers.asked == ["b1", "b2"]
    assert at.model.answer.serial == "b2"


def test_who_starts_afresh_before_the_answer_came_is_not_given_the_draft_again():
    at = desk()
    at.answers.gates["b1"] = threading.Event()

    async def edit_and_drop():
        edit = asyncio.create_task(at.model.edit(GERMANY, "b1"))
        while "b1" not in at.answers.asked:
            await asyncio.sleep(0)
        await at.model.drop_draft()
        at.answers.gates["b1"].set()
        await edit

    run(edit_and_drop)
    assert at.library.drafts == {}


def test_edits_in_quick_succession_are_asked_about_once():
    at = desk()
    at.model.debounce = 0.02

    async def quick():
        await asyncio.gather(at.model.edit(GERMANY, "b1"), at.model.edit(FRANCE, "b2"), at.model.edit(GERMANY, "b3"))

    asyncio.run(quick())
    assert at.answers.asked == ["b3"]
    assert not at.model.is_busy


def test_a_segment_needs_a_name_before_it_is_saved():
    at = desk(rule=GERMANY)
    run(at.model.save)
    assert at.model.problem == "Give the segment a name first."
    assert at.library.created == []


def test_a_rule_with_an_unfinished_line_is_not_saved():
    at = desk(title="Germans", rule=UNFINISHED)
    run(at.model.save)
    assert "not finished" in at.model.problem
    assert at.library.created == []


def test_saving_creates_the_segment_and_drops_the_draft():
    at = desk()
    run(lambda: at.model.edit(GERMANY, "b1"), lambda: at.model.write(title="Germans", kind="static"), at.model.save)
    created = at.library.created[0]
    assert (created["name"], created["kind"], created["by"]) == ("Germans", "static", "ana@example.com")
    assert created["rule"] == parse(GERMANY)
    assert at.library.drafts == {}
    assert at.model.key == "germans"


def test_before_a_changed_rule_is_saved_it_shows_who_comes_and_goes_and_who_uses_it():
    at = desk(SEGMENT)
    run(lambda: at.model.edit(FRANCE, "b1"), at.model.look)
    assert (at.model.review.change.gained, at.model.review.change.lost) == (4, 1)
    assert at.model.review.uses == ("journey Welcome (welcome)",)
    run(lambda: at.model.save("France instead"))
    key, values = at.library.updated[0]
    assert (key, values["expected_version"], values["note"]) == ("germans", 3, "France instead")
    assert at.model.review is None
    assert not at.model.is_changed


def test_a_change_that_somebody_else_overtook_is_refused_once_with_words():
    at = desk(SEGMENT)
    at.library.error = ConflictError("segment germans is at version 4, not 3")
    run(lambda: at.model.edit(FRANCE, "b1"), at.model.save)
    assert "Somebody else changed this segment" in at.model.problem
    at.library.error = None
    run(at.model.save)
    assert at.library.updated[0][1]["expected_version"] is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InvalidInputError("name", "is longer than 200 letters"), "Name: is longer than 200 letters."),
        (InvalidRuleError([Fault("where", "names itself")]), "One line is not right yet: names itself."),
    ],
)
def test_a_refusal_is_said_in_words(error, words):
    at = desk(title="Germans", rule=GERMANY)
    at.library.error = error
    run(at.model.save)
    assert at.model.problem == words


def test_a_draft_is_gone_on_with_and_compared_with_what_was_saved():
    at = desk(SEGMENT)
    document = {"name": "Germans and more", "kind": "dynamic", "tags": ["europe"], "rule": FRANCE}
    at.model.resume(Draft("ana@example.com", "germans", document, 2, NOW))
    assert at.model.title == "Germans and more"
    assert at.model.tags == ("europe",)
    assert at.model.has_new_rule
    run(at.model.save)
    assert at.library.updated[0][1]["expected_version"] == 2


def test_narrowing_the_sample_twice_shows_everybody_again():
    at = desk()
    run(lambda: at.model.narrow_to(("country_code", "DE")))
    assert at.model.narrow == ("country_code", "DE")
    run(lambda: at.model.narrow_to(("country_code", "DE")))
    assert at.model.narrow is None
