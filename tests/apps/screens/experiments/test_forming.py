"""Under test: the view model of the form, without a browser: half-done tests, undo, drafts, saving, starting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

import pytest

from apps.screens.experiments import edits
from apps.screens.experiments.faults import missing_of
from apps.screens.experiments.fields import as_typed, in_unit, read_arm_place, read_place
from apps.screens.experiments.forming import Forming, Found
from apps.screens.experiments.patterns import PATTERNS, copy_of, document_of, fitting_pattern, pattern_of
from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.experiments.plan import parse_test_plan

NOW = datetime(2026, 11, 20, 14, 5)
BY = "ana@example.com"


def whole(**changes):
    """A subject test that could start."""
    document = document_of(pattern_of("subject"), 7, "mail") | {"name": "Sale", "hypothesis": "Savings bring clicks."}
    document = edits.set_arm(document, "b", "overrides.subject", "Only today")
    return document | changes


class FakeAsked:
    """Says what the document itself lacks."""

    def look(self, document, serial, experiment_id=0):
        return Found(serial, tuple(missing_of(document)[1]))


@dataclass
class Draft:
    document: dict
    updated_at: datetime


@dataclass
class Saved:
    experiment_id: int
    version: int


class FakeKept:
    """Keeps one test."""

    def __init__(self):
        self.drafts, self.saved, self.started, self.error = {}, [], [], None

    def save(self, experiment_id, document, by, version):
        if self.error:
            raise self.error
        parse_test_plan(document)
        self.saved.append((experiment_id, version))
        return Saved(experiment_id or 12, (version or 0) + 1)

    def start(self, experiment_id, by):
        self.started.append(experiment_id)
        return Saved(experiment_id, 1)

    def keep_draft(self, user, experiment_id, document, version):
        self.drafts[experiment_id] = Draft(document, NOW)
        return self.drafts[experiment_id]

    def drop_draft(self, user, experiment_id):
        self.drafts.pop(experiment_id, None)


@pytest.fixture
def kept():
    return FakeKept()


def forming(kept, document, experiment_id=0, version=None):
    made = Forming(FakeAsked(), kept, BY, document, experiment_id, version)
    made.debounce = 0
    return made


def said(model):
    return [each.what for each in model.found.blocking]


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda each: each.key)
def test_every_pattern_begins_as_a_draft_that_says_what_it_still_lacks(pattern):
    plan, missing = missing_of(document_of(pattern))
    assert plan is None
    assert any("name" in each.what for each in missing)
    assert all(each.what.endswith(".") for each in missing)


def test_a_test_that_lacks_nothing_is_a_plan():
    plan, missing = missing_of(whole())
    assert plan is not None
    assert plan.arm("b").overrides.subject == "Only today"
    assert missing == []


def test_what_is_typed_is_kept_as_a_draft_and_an_untouched_form_is_not(kept):
    model = forming(kept, document_of(pattern_of("subject")))
    asyncio.run(model.refresh(0))
    assert kept.drafts == {}
    asyncio.run(model.set("name", "Sale"))
    assert kept.drafts[0].document["name"] == "Sale"
    assert model.drafted_at == NOW
    assert "Choose the campaign or the journey." in said(model)


def test_two_variants_with_the_same_subject_are_named_as_what_blocks(kept):
    model = forming(kept, whole())
    asyncio.run(model.edit(lambda plan: edits.set_arm(plan, "b", "overrides.subject", "")))
    assert said(model) == ["Write another subject: two variants have the same one."]


def test_another_campaign_lets_go_of_the_message_that_was_chosen(kept):
    model = forming(kept, whole())
    asyncio.run(model.set("campaign_id", 8))
    assert model.plan["step"] == ""
    assert said(model) == ["Choose the message of the campaign that is tested."]
    asyncio.run(model.undo())
    assert model.plan["campaign_id"] == 7
    assert model.plan["step"] == "mail"
    assert not model.can_undo


def test_opens_may_decide_only_with_a_reason(kept):
    model = forming(kept, whole(primary="open_human"))
    asyncio.run(model.refresh(0))
    assert said(model) == ["Say why opens may decide, or let clicks decide."]
    asyncio.run(model.set("rule.metric_reason", "the mail has no link"))
    assert said(model) == []
    assert any("Machines open mails too" in each.what for each in model.found.missing)


def test_saving_a_new_test_gives_it_a_number_and_forgets_the_draft(kept):
    model = forming(kept, document_of(pattern_of("subject")))
    asyncio.run(model.edit(lambda plan: whole()))
    assert asyncio.run(model.save())
    assert (model.experiment_id, model.version) == (12, 1)
    assert kept.drafts == {}
    assert not model.is_changed


def test_starting_saves_first_and_a_half_done_test_never_starts(kept):
    model = forming(kept, whole())
    assert asyncio.run(model.start())
    assert kept.started == [12]
    other = forming(FakeKept(), document_of(pattern_of("subject")))
    assert not asyncio.run(other.start())
    assert other.problem


def test_what_somebody_else_changed_meanwhile_is_said_and_nothing_is_lost(kept):
    model = forming(kept, whole(), 12, 3)
    asyncio.run(model.set("name", "Another name"))
    kept.error = ConflictError("test 12 is at version 4, not 3")
    assert not asyncio.run(model.save())
    assert model.problem == "Test 12 is at version 4, not 3."
    assert model.plan["name"] == "Another name"


def test_a_fault_of_a_variant_carries_its_name(kept):
    model = forming(kept, whole(), 12, 3)
    kept.error = InvalidInputError("arms[1].overrides.subject", "a message by sms has no subject", "a template")
    asyncio.run(model.save())
    assert model.problem == "Another subject, subject: a message by sms has no subject (allowed: a template)."


def test_a_value_beyond_its_limits_is_told_them():
    [missing] = missing_of(whole(duration_hours=5000))[1]
    assert missing.what == "Duration hours: 5000 is too large (allowed: more than 0, at most 2,160)."


def test_a_draft_of_another_version_is_not_taken_up(kept):
    model = forming(kept, whole(), 12, 3)
    assert not model.resume(whole(name="Old"), 2, NOW)
    assert model.resume(whole(name="Mine"), 3, NOW)
    assert model.plan["name"] == "Mine"


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7])
def test_even_shares_add_up_to_one(count):
    assert sum(edits.even_shares(count)) == pytest.approx(1, abs=1e-9)
    assert min(edits.even_shares(count)) > 0


def test_variants_come_and_go_with_even_shares_and_two_always_stay():
    document = edits.with_arm(whole())
    assert [arm["key"] for arm in document["arms"]] == ["a", "b", "c"]
    assert sum(arm["share"] for arm in document["arms"]) == pytest.approx(1)
    document = edits.without_arm(edits.without_arm(document, "a"), "b")
    assert [arm["key"] for arm in document["arms"]] == ["b", "c"]
    full = whole()
    for _ in range(9):
        full = edits.with_arm(full)
    assert len(full["arms"]) == edits.MOST_ARMS


def test_removing_the_variant_compared_with_takes_the_first_instead():
    document = edits.without_arm(edits.with_arm(whole(control="c")) | {"control": "c"}, "c")
    assert document["control"] == ""


def test_another_kind_keeps_names_and_lets_go_of_what_it_does_not_know():
    document = edits.of_kind(whole(), "send_time")
    assert [arm["overrides"] for arm in document["arms"]] == [{}, {}]
    assert document["arms"][1]["name"] == "Another subject"
    assert "time of its own" in missing_of(document)[1][0].what


def test_messages_are_given_to_a_variant_and_taken_from_it():
    document = edits.of_kind(whole(), "frequency")
    document = edits.toggled_step(document, "a", "mail")
    document = edits.toggled_step(edits.toggled_step(document, "b", "mail"), "b", "text")
    assert [arm["overrides"]["steps"] for arm in document["arms"]] == [["mail"], ["mail", "text"]]
    assert edits.toggled_step(document, "b", "mail")["arms"][1]["overrides"]["steps"] == ["text"]
    assert missing_of(document)[0] is not None


def test_of_two_things_at_once_a_subject_goes_to_both_variants_with_its_level():
    document = document_of(pattern_of("factorial"), 7, "mail") | {"name": "Both"}
    assert "another subject" in missing_of(document)[1][-1].what
    document = edits.set_arm(document, "b", "overrides.subject", "Only today")
    document = edits.set_arm(document, "c", "overrides.template", "long")
    assert [arm["overrides"].get("subject", "") for arm in document["arms"]] == ["", "Only today", "", "Only today"]
    assert [arm["overrides"].get("template", "") for arm in document["arms"]] == ["", "", "long", "long"]
    assert missing_of(document)[0] is not None


def test_a_field_that_is_not_named_cannot_be_changed_from_the_browser():
    assert read_place("status", "running", "click") == (False, None)
    assert read_place("arms", [], "click") == (False, None)
    assert read_arm_place("overrides.template_version", 3) == (False, None)
    assert read_place("test_share", "20", "click") == (True, 0.2)
    assert read_place("primary", "nonsense", "click") == (True, "click")


@pytest.mark.parametrize(("primary", "typed", "kept_as"), [("click", "2", 0.02), ("revenue", "2", 200.0)])
def test_a_difference_is_typed_in_points_or_money_and_kept_in_the_unit_of_the_measure(primary, typed, kept_as):
    assert read_place("mde", typed, primary) == (True, kept_as)
    assert as_typed(primary, kept_as) == typed
    assert in_unit(primary, float(typed)) == kept_as


def test_a_text_has_no_subject_so_its_test_is_one_of_the_whole_message():
    assert fitting_pattern(pattern_of("subject"), "sms").kind == "content"
    assert fitting_pattern(pattern_of("subject"), "email").kind == "subject"
    assert fitting_pattern(pattern_of("send_time"), "sms").kind == "send_time"


def test_a_copy_shares_nothing_with_the_test_it_came_from():
    first = whole(key="sale")
    again = copy_of(first)
    again["arms"][0]["name"] = "Changed"
    assert first["arms"][0]["name"] == "Subject as it is"
    assert again["key"] == ""
    with pytest.raises(NotFoundError):
        pattern_of("nonsense")


def test_a_test_inside_a_journey_needs_a_split_and_no_campaign():
    arms = [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5}]
    document = {
        "name": "A mail or none", "hypothesis": "fewer is better", "kind": "content", "journey": "cart", "arms": arms,
        "duration_hours": 72, "primary": "click", "test_share": 1.0,
    }  # fmt: skip
    plan, missing = missing_of(document)
    assert plan is None
    assert [each.what for each in missing if each.is_blocking] == ["Say which split of the journey is tested."]
    plan, missing = missing_of(document | {"step": "arms"})
    assert plan is not None
    assert not [each for each in missing if each.is_blocking]
