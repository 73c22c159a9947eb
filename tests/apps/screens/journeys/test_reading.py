"""Under test: pages of members, the way of one of them, figures, the list, and who is stuck, on people in a journey."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from journey_worlds import cart, change_quickly, document_with, ordered
from segment_world import NOW, number_of

from apps.parts.render import render
from apps.screens.home.needs import Waiting, list_needs
from apps.screens.journeys import wording
from apps.screens.journeys.effect import effect_words
from apps.screens.journeys.graph import explicit
from apps.screens.journeys.judging import Judging
from apps.screens.journeys.keeping import Keeping
from apps.screens.journeys.listing import ListState, list_journeys, open_playbooks, row_of
from apps.screens.journeys.members import Wanted, passed, read_page, read_way
from apps.screens.journeys.numbers import Counting, read_numbers
from apps.screens.journeys.outcomes import page_of
from apps.screens.journeys.trying import SPANS, Tried, by_period
from dmat.campaigns.programmes import ensure_programme
from dmat.errors import NotFoundError
from dmat.journeys.definition import as_document
from dmat.journeys.lift import Group, Lift
from dmat.journeys.playbook import list_playbooks
from dmat.journeys.replay_report import Outcome, ReplayReport
from dmat.journeys.watchdog import find_stuck

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
STEPS = [MAIL, {"key": "a-day", "do": "wait", "for": "23h"}, MAIL | {"key": "second"}]


@pytest.fixture
def lived(journey_world):
    """Two carts were left; one of the people ordered since."""
    journey_world.start(document_with(steps=STEPS))
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE), cart("c2", 2, NOW + MINUTE))
    journey_world.look(NOW + 2 * HOUR, ordered(1, NOW + HOUR + 30 * MINUTE))
    return journey_world


def page(world, now=NOW + 2 * HOUR, **wanted):
    return read_page(world.store, None, world.library.get("cart"), Wanted(**wanted), now)


def test_figures_count_who_came_who_is_there_and_who_is_through(lived):
    numbers = read_numbers(lived.store, lived.library.get("cart"))
    assert (numbers.entered, numbers.inside, numbers.ended, numbers.refused) == (2, 1, 1, 0)
    assert (numbers.came["mail"], numbers.came["a-day"], numbers.here) == (2, 2, {"a-day": 1})
    assert numbers.by_version == {1: 1}


def test_figures_are_not_asked_for_again_at_once(lived, monkeypatch):
    counting, journey = Counting(lived.store), lived.library.get("cart")
    first = counting.of(journey)
    monkeypatch.setattr("apps.screens.journeys.numbers.read_numbers", None)
    assert counting.of(journey) is first


def test_members_are_narrowed_by_status_step_and_what_is_wrong_with_them(lived):
    assert page(lived).count == 2
    assert [row.member.entry_key for row in page(lived, status="waiting").rows] == ["c2"]
    assert page(lived, step="a-day", status="waiting").count == 1
    assert page(lived, step="a_day").count == 0
    assert page(lived, only="goal").count == 0
    assert page(lived, only="held").count == 0
    assert page(lived, only="stuck").count == 0
    assert page(lived, NOW + 40 * HOUR, only="stuck").count == 1
    assert page(lived, page=99).page == 1


def test_ones_way_has_each_step_with_what_became_of_its_message(lived):
    [row] = page(lived, status="exited").rows
    way = read_way(lived.store, None, lived.library.get("cart"), row.member.member_id)
    assert [(stop.step, stop.what and stop.what[0][1].split(":")[0]) for stop in way.stops] == [
        ("mail", "expired"), ("a-day", ()),
    ]  # fmt: skip
    assert way.row.member.person_id == number_of(1)
    assert read_way(lived.store, None, lived.library.get("cart"), 99_999) is None


def test_what_is_no_moment_in_a_way_is_left_out():
    assert [step for step, _ in passed("mail@2026-03-04T13:01:00 odd@sometime")] == ["mail"]


def test_the_list_says_what_starts_each_and_who_is_stuck(lived):
    library, now = lived.library, NOW + 40 * HOUR
    stuck = find_stuck(lived.store, now)
    journey, definition = library.get("cart"), library.version("cart").definition
    row = row_of(journey, definition, read_numbers(lived.store, journey), stuck)
    assert (row.starts, row.stuck, row.version_waits) == ("A cart is left for 1 hour", 1, False)
    assert list_journeys([row], ListState(search="left cart")).rows == (row,)
    assert list_journeys([row], ListState(search="birthday")).rows == ()
    assert list_journeys([row], ListState(status="draft")).rows == ()
    assert list_journeys([row], ListState()).statuses == (("live", 1),)
    assert len(open_playbooks([row])) == len(list_playbooks())


def test_somebody_stuck_is_told_at_home(lived):
    from apps.context import Pulse

    [need] = list_needs(None, None, Pulse(None), NOW, Waiting(stuck=(("cart", "Cart recovery", 3),)))
    assert (need.what, need.link) == ("3 people are stuck in Cart recovery", "/journeys?id=cart&view=people&only=stuck")


def test_what_the_built_in_programme_would_do_twice_is_told(lived):
    context = SimpleNamespace(store=lived.store)
    judging = Judging(SimpleNamespace(source=lived.source, has_tables=True, context=context))
    plan = explicit(as_document(lived.library.version("cart").definition))
    assert judging.look(plan, 1).blocking == ()
    assert [fault.at for fault in judging.look(plan, 1).faults] == ["settings"]
    with lived.store.write() as connection:
        ensure_programme(connection, "cart_recovery", 1, NOW)
    [told] = judging.look(plan, 1).at("")
    assert (told.what[:35], told.is_blocking) == ("The built-in cart recovery is on to", False)


def test_a_name_gives_a_key_that_no_journey_has(lived):
    keeping = Keeping(lived.library)
    assert keeping.free_key("Cart") == "cart-2"
    assert keeping.free_key("  Grüße & Küsse! ") == "gr-e-k-sse"
    assert keeping.free_key("***") == "journey"


def test_a_journey_is_copied_as_a_draft_and_other_buttons_do_not_exist(lived):
    keeping = Keeping(lived.library)
    made = keeping.copy("cart", "ann@shop.example")
    assert (made.key, made.name, made.status) == ("cart-recovery-copy", "Cart recovery (copy)", "draft")
    assert lived.library.version(made.key).definition.steps == lived.library.version("cart").definition.steps
    with pytest.raises(NotFoundError):
        keeping.act("explode", "cart", "ann@shop.example")


def test_a_draft_is_kept_and_forgotten_for_each_user(lived):
    keeping = Keeping(lived.library)
    keeping.keep_draft("ann@shop.example", "cart", {"steps": []}, 1)
    keeping.keep_draft("ann@shop.example", "cart", {"steps": [1]}, 1)
    assert keeping.find_draft("ann@shop.example", "cart").document == {"steps": [1]}
    assert keeping.find_draft("ben@shop.example", "cart") is None
    keeping.drop_draft("ann@shop.example", "cart")
    assert keeping.find_draft("ann@shop.example", "cart") is None


def test_messages_are_shown_by_day_or_hour_where_the_workspace_is_with_those_without_any():
    report = ReplayReport(1, {}, 0)
    report.by_hour.update({NOW: 2, NOW + HOUR: 1})
    counted = by_period(report, NOW - timedelta(days=10), NOW + 2 * HOUR, "UTC")
    assert (len(counted), sum(counted.values()), max(counted.values())) == (11, 3, 3)
    hourly = by_period(report, NOW - timedelta(days=3), NOW + 2 * HOUR, "America/New_York")
    assert (len(hourly), hourly[NOW - 5 * HOUR], hourly[NOW - 4 * HOUR]) == (75, 2, 1)


def test_who_would_have_got_what_is_leafed_through_with_names(lived):
    change_quickly(lived.settings, ["alter table people.dim_people add column last_seen_at timestamp"])
    outcomes = [Outcome(number_of(n % 12 + 1), f"c{n}", "mail", "email", NOW, NOW, "") for n in range(60)]
    outcomes[0] = outcomes[0]._replace(person_id=99)
    first = page_of(outcomes, 1, lived.source.desk.workspace)
    assert (first.count, first.pages, len(first.rows)) == (60, 3, 25)
    assert (first.rows[0][1], first.rows[1][1].name) == (None, "Person2 Test")
    assert page_of(outcomes, 9, lived.source.desk.workspace).page == 3
    assert page_of([], 1, None).rows == ()


def test_the_page_names_who_would_have_got_what_only_to_who_may_see_people(lived):
    journey, version = lived.library.get("cart"), lived.library.version("cart")
    since = NOW - timedelta(days=3)
    report = ReplayReport(1, Counter({"too soon again": 2}), 0, Counter({"mail": 1}), Counter({NOW: 1}))
    report.outcomes = [
        Outcome(99, "c1", "mail", "email", NOW, NOW + HOUR, ""),
        Outcome(99, "c1", "second", "email", NOW, None, "no consent to email"),
    ]
    shown = {"journey": journey, "wording": wording, "choices": {"1": "Version 1"}, "chosen": "1", "spans": SPANS,
             "span": "7", "found": Tried(version, since, NOW, report), "names": {"mail": "First mail"}, "most": 5_000,
             "problem": "", "is_busy": False, "options": None, "summary": ""}  # fmt: skip
    page = render("screens/journeys/past.jinja", NOW, "UTC", **shown, outcomes=page_of(report.outcomes, 1, None))
    assert all(
        words in page for words in ("First mail", "waits until 4 Mar, 13:00", "No consent to email", "2 messages")
    )
    analyst = render("screens/journeys/past.jinja", NOW, "UTC", **shown, outcomes=None)
    assert "Who would have got what" in page
    assert "Who would have got what" not in analyst


@pytest.mark.parametrize(
    ("low", "high", "begin"), [(0.01, 0.1, "It brings 5.0"), (-0.2, -0.01, "It keeps"), (-0.1, 0.1, "So far")]
)
def test_an_effect_is_told_only_when_it_is_one(low, high, begin):
    difference = -0.05 if high < 0 else 0.05
    assert effect_words(Lift(Group(900, 90), Group(50, 2), difference, low, high, 0.1, ())).startswith(begin)
    assert effect_words(Lift(Group(900, 90), Group(5, 2), difference, low, high, 0.1, ())).startswith("Too few")
