"""Under test: the form for tests inside journeys: where they run, their ways as variants, how many people will come."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from journey_worlds import change_quickly, document_with
from segment_world import NOW, number_of

from apps.parts.render import render
from apps.screens.experiments import edits, wording
from apps.screens.experiments.faults import missing_of
from apps.screens.experiments.fields import as_typed
from apps.screens.experiments.judging import Place, ways_of
from apps.screens.experiments.patterns import document_of, pattern_of
from apps.screens.experiments.powering import Powering, coming_words
from dmat.experiments.passing import Passing, divided_journeys, passing

SPLIT = {"key": "arms", "do": "split",
         "arms": [{"key": "a", "share": 0.6, "go": "mail"}, {"key": "b", "share": 0.4, "go": "end"}]}  # fmt: skip
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter", "then": "end"}
PEOPLE, HOURS = 90, 30
TABLES = (
    "create schema if not exists journeys",
    "create table journeys.fct_journey_members (member_id bigint, journey_key varchar, person_id bigint,"
    " is_holdout boolean)",
    "create table journeys.fct_journey_steps (member_id bigint, step varchar, passed_at timestamp)",
    f"insert into journeys.fct_journey_members select i, 'cart', 1 + i % {PEOPLE}, i = 7 from range({2 * PEOPLE})"
    " as numbers (i)",
    f"insert into journeys.fct_journey_steps select i, 'arms', timestamp '{NOW}' - to_hours(cast({HOURS} - i % {HOURS}"
    f" as integer)) from range({2 * PEOPLE}) as numbers (i)",
)


@pytest.fixture
def divided(journey_world):
    """A live journey with a split, to which 90 people came in thirty hours."""
    journey_world.start(document_with(steps=[SPLIT, MAIL], exit_when=[]))
    change_quickly(journey_world.settings, TABLES)
    return journey_world


def inside():
    return edits.in_journey(document_of(pattern_of("journey")), "cart")


def whole(ways=(("a", 0.6, "On to mail"), ("b", 0.4, "On to end"))):
    return edits.at_split(inside(), "arms", ways) | {"name": "Ways", "hypothesis": "At once is better."}


def test_a_journey_needs_a_split_and_its_ways_are_the_variants():
    document = inside()
    assert [each.what for each in missing_of(document)[1] if each.item == "place"] == [
        "Say which split of the journey is tested."
    ]
    plan, missing = missing_of(whole())
    assert missing == []
    assert (plan.journey, plan.step, plan.shares) == ("cart", "arms", {"a": 0.6, "b": 0.4})


def test_what_only_a_campaign_knows_falls_away_inside_a_journey_and_comes_back_outside():
    subject = edits.set_arm(document_of(pattern_of("subject"), 7, "mail"), "b", "overrides.subject", "Only today")
    moved = edits.in_journey(subject, "cart")
    assert (moved["campaign_id"], moved["step"], moved["test_share"]) == (None, "", 1.0)
    assert [arm["overrides"] for arm in moved["arms"]] == [{}, {}]
    again = edits.in_campaign(moved, 8)
    assert (again["campaign_id"], again["journey"], again["step"]) == (8, "", "")


@pytest.mark.parametrize("kind", ["frequency", "send_time", "offer"])
def test_another_kind_inside_a_journey_still_leaves_the_ways_to_the_split(kind):
    assert missing_of(edits.of_kind(whole(), kind))[0] is not None


def test_a_kind_that_journeys_do_not_know_becomes_one_of_your_own():
    assert edits.in_journey(document_of(pattern_of("form")), "cart")["kind"] == "custom"


def test_journeys_that_divide_people_are_offered_with_the_ways_of_their_splits(divided):
    divided.library.create(document_of_straight(), "ann@shop.example")
    with divided.store.read() as connection:
        [found] = divided_journeys(connection)
    assert (found.key, found.status) == ("cart", "live")
    assert ways_of(found, "arms") == [("a", 0.6, "On to mail"), ("b", 0.4, "On to end")]
    assert ways_of(found, "mail") == []


def document_of_straight():
    from dmat.journeys.definition import parse_definition

    return parse_definition(document_with(key="straight", name="Straight", steps=[MAIL], exit_when=[]))


def test_people_who_came_to_a_split_are_counted_once_and_by_the_hour(divided):
    found = passing(divided.source.desk.workspace, "cart", "arms")
    assert len(found.people) == PEOPLE
    assert found.per_hour == pytest.approx(PEOPLE / HOURS)
    assert len(passing(divided.source.desk.workspace, "cart", "mail").people) == 0


def test_before_anything_is_published_about_journeys_nobody_came(journey_world):
    found = passing(journey_world.source.desk.workspace, "cart", "arms")
    assert (len(found.people), found.per_hour) == (0, None)


def test_the_power_of_a_test_inside_a_journey_follows_from_who_comes_by_while_it_runs(divided):
    workspace = divided.source.desk.workspace
    context = SimpleNamespace(version=lambda: workspace.version, workspace=workspace)
    powering = Powering(SimpleNamespace(context=context))
    found = powering.look(whole() | {"duration_hours": 100, "mde": 0.05}, None, None)
    assert (found.tested, found.smallest_arm, found.audience) == (300, 120, None)
    assert found.sentences[0].startswith("With 300 people in the test, 120 per variant, you can find a difference of")
    assert found.days == pytest.approx(found.needed / 0.4 / 3 / 24, rel=0.01)
    assert found.sentences[-1] == "About 300 people come to this split in 4.2 days, as in the last 90 days."


def test_with_too_few_people_nothing_is_promised():
    few = Passing(np.array([number_of(1)]), None)
    assert coming_words(few, None, 24).startswith("One person came to this split")
    assert coming_words(Passing(np.empty(0, np.int64), None), None, 24).startswith("Nobody came to this split")


def test_the_page_offers_campaigns_and_journeys_and_the_splits_of_the_chosen_one(divided):
    with divided.store.read() as connection:
        [journey] = divided_journeys(connection)
    page = render(
        "screens/experiments/form_idea.jinja", NOW + timedelta(hours=1), ZoneInfo("UTC"), plan=whole(),
        place=Place(journey=journey), campaigns=[], journeys=[journey], kinds=wording.KIND_WORDS, is_editable=True,
        expected="", as_typed=as_typed,
    )  # fmt: skip
    assert '<option value="journey:cart" selected>' in page
    assert '<option value="arms" selected>arms (60% to mail, 40% to end)</option>' in page
