"""Under test: members stay on their version until somebody moves them, who sees before what becomes of whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from journey_worlds import cart, document_with, ordered
from segment_world import NOW

from dmat.errors import ConflictError, InvalidInputError
from dmat.journeys.definition import parse_definition
from dmat.journeys.known import read_known
from dmat.journeys.moving import GOES_ON, LEAVES, STAYS, WAITS_ON, move, preview_move
from dmat.journeys.replay import differences, replay

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
ANN = "ann@shop.example"
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
A_DAY = {"key": "a-day", "do": "wait", "for": "23h"}
OLD = [MAIL, A_DAY, MAIL | {"key": "second"}]


@pytest.fixture
def begun(journey_world):
    """Three people wait for a day, after their first mail."""
    journey_world.start(document_with(steps=OLD))
    journey_world.look(NOW + HOUR + MINUTE, *(cart(f"c{n}", n, NOW + MINUTE) for n in (1, 2, 3)))
    return journey_world


def switch_on(world, steps):
    world.library.change("cart", parse_definition(document_with(steps=steps)), ANN)
    world.library.start("cart", ANN)


def names(preview):
    return [(place.step, place.count, place.what, place.target) for place in preview.places]


def test_whoever_waits_at_a_step_that_both_versions_have_waits_on_since_the_wait_began(begun):
    switch_on(begun, [MAIL, A_DAY | {"for": "47h"}, MAIL | {"key": "third"}])
    assert names(preview_move(begun.source, "cart")) == [("a-day", 3, WAITS_ON, "a-day")]
    done = move(begun.source, "cart", ANN)
    assert (done.count, done.left, done.to_version) == (3, 0, 2)
    assert {(m.version, m.step, m.due_at, m.why) for m in begun.members()} == {
        (2, "a-day", NOW + HOUR + MINUTE + 47 * HOUR, "wait 47 hours")
    }
    begun.look(NOW + 25 * HOUR)
    assert [message[1] for message in begun.messages()] == ["mail"] * 3
    begun.look(NOW + 49 * HOUR)
    assert [message[1] for message in begun.messages()] == ["mail", "third"] * 3


def test_a_shorter_wait_that_would_be_over_is_over_now_and_not_in_the_past(begun):
    switch_on(begun, [MAIL, A_DAY | {"for": "1h"}, MAIL | {"key": "third"}])
    begun.look(NOW + 10 * HOUR)
    begun.settings.clock.set(NOW + 10 * HOUR + MINUTE)
    move(begun.source, "cart", ANN)
    assert {member.due_at for member in begun.members()} == {NOW + 10 * HOUR + MINUTE}
    begun.look(NOW + 10 * HOUR + 2 * MINUTE)
    assert begun.messages()[1] == (1, "third", "planned", f"{NOW + 10 * HOUR + MINUTE:%d %H:%M}")


def test_of_a_step_that_is_gone_somebody_says_where_its_members_go_on_or_they_stay(begun):
    switch_on(begun, [MAIL, {"key": "two-days", "do": "wait", "for": "2d"}, MAIL | {"key": "third"}])
    stays = preview_move(begun.source, "cart")
    assert names(stays) == [("a-day", 3, STAYS, "")]
    assert stays.moving == 0
    assert move(begun.source, "cart", ANN).count == 0
    assert names(preview_move(begun.source, "cart", {"a-day": "two-days"})) == [("a-day", 3, GOES_ON, "two-days")]
    begun.look(NOW + 3 * HOUR)
    move(begun.source, "cart", ANN, {"a-day": "two-days"}, reason="longer is kinder")
    begun.look(NOW + 3 * HOUR + MINUTE)
    assert {(m.version, m.step, m.due_at) for m in begun.members()} == {(2, "two-days", NOW + 51 * HOUR)}


def test_a_step_that_a_member_passed_is_not_done_again_in_the_new_version(begun):
    switch_on(begun, [{"key": "soon", "do": "wait", "for": "1h"}, MAIL, MAIL | {"key": "third"}])
    move(begun.source, "cart", ANN, {"a-day": "mail"})
    begun.look(NOW + 5 * HOUR)
    assert [message[1] for message in begun.messages()] == ["mail", "third"] * 3
    assert {member.status for member in begun.members()} == {"completed"}


def test_who_is_taken_out_gets_nothing_more_that_was_planned(begun):
    switch_on(begun, [MAIL])
    assert preview_move(begun.source, "cart", {"a-day": "end"}).count(LEAVES) == 3
    done = move(begun.source, "cart", ANN, {"a-day": "end"}, reason="another journey")
    assert (done.count, done.left, done.withdrawn) == (3, 3, 3)
    assert {message[2] for message in begun.messages()} == {"expired"}
    assert {(m.status, m.why) for m in begun.members()} == {("exited", "taken out: another journey")}


def test_who_is_due_right_now_goes_on_first_and_is_told_as_busy(begun):
    switch_on(begun, [MAIL, A_DAY | {"for": "47h"}, MAIL | {"key": "third"}])
    begun.settings.clock.set(NOW + 2 * DAY)
    assert preview_move(begun.source, "cart").busy == 3
    assert move(begun.source, "cart", ANN).count == 0
    begun.library.pause("cart", ANN)
    assert preview_move(begun.source, "cart").busy == 0
    assert move(begun.source, "cart", ANN).count == 3  # it stands still: nobody goes on before


def test_places_and_states_that_make_no_sense_are_refused(begun):
    with pytest.raises(InvalidInputError, match=r"places\.nowhere"):
        preview_move(begun.source, "cart", {"nowhere": "end"})
    switch_on(begun, [MAIL])
    with pytest.raises(InvalidInputError, match=r"no step 'second'.*mail, end, stay"):
        move(begun.source, "cart", ANN, {"a-day": "second"})
    begun.library.archive("cart", ANN)
    with pytest.raises(ConflictError, match="archived"):
        move(begun.source, "cart", ANN)


def test_a_draft_shows_what_would_become_of_whom_before_it_is_switched_on(begun):
    begun.library.change("cart", parse_definition(document_with(steps=[MAIL])), ANN)
    preview = preview_move(begun.source, "cart", {"a-day": "end"}, to_version=2)
    assert (preview.moving, preview.is_possible) == (3, False)


@pytest.mark.parametrize("version", [1, 2])
def test_a_replay_knows_who_was_moved_and_when(begun, version):
    switch_on(begun, [MAIL, {"key": "two-days", "do": "wait", "for": "2d"}, MAIL | {"key": "third"}])
    begun.look(NOW + 2 * HOUR, cart("c9", 9, NOW + 30 * MINUTE))
    begun.settings.clock.set(NOW + 3 * HOUR)
    move(begun.source, "cart", ANN, {"a-day": "two-days"}, from_versions=[1])
    for hours in range(4, 60, 4):
        begun.look(NOW + hours * HOUR, *([ordered(2, NOW + 11 * HOUR)] if hours == 12 else []))
    journey, chosen = begun.library.get("cart"), begun.library.version("cart", version)
    known = read_known(begun.source, journey)
    until = begun.settings.clock.now()
    found = replay(begun.source, journey.journey_id, chosen, journey.started_at, until, known)
    assert differences(begun.source, found) == []
    assert len(found.rows) == {1: 3, 2: 4}[version]
