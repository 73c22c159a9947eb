"""Under test: two versions side by side, as they are written and as they would have lived through the same past."""

from __future__ import annotations

from datetime import timedelta

from journey_worlds import cart, document_with
from segment_world import NOW

from dmat.journeys.comparing import changes, difference
from dmat.journeys.definition import parse_definition
from dmat.journeys.records import JourneyVersion

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
A_DAY = {"key": "a-day", "do": "wait", "for": "23h"}
SECOND = MAIL | {"key": "second"}


def made(*steps, **others):
    return parse_definition(document_with(steps=list(steps), **others))


def told(before, after):
    return [(change.place, change.kind) for change in changes(before, after)]


def test_nothing_differs_from_itself():
    assert changes(made(MAIL), made(MAIL)) == ()


def test_new_gone_changed_and_moved_steps_are_told_with_their_places():
    before = made(MAIL, A_DAY, SECOND)
    assert told(before, made(MAIL, A_DAY | {"for": "47h"}, SECOND)) == [("a-day.for", "changed")]
    assert told(before, made(MAIL, SECOND)) == [
        ("a-day", "removed"),
    ]
    assert told(made(MAIL, SECOND), before) == [("a-day", "added")]
    assert told(before, made(MAIL, SECOND, A_DAY)) in ([("a-day", "moved")], [("second", "moved")])
    [change] = changes(before, made(MAIL, A_DAY | {"for": "47h"}, SECOND))
    assert change.words == "a day: for was 23h, is 47h"


def test_parts_of_the_whole_are_told_before_steps():
    before = made(MAIL)
    after = made(MAIL, trigger={"kind": "cart_abandoned", "after": "2h"}, goal={"event": "ordered", "days": 3})
    assert told(before, after) == [("trigger", "changed"), ("goal", "added")]


def test_a_replay_says_who_would_have_entered_and_what_would_have_left_otherwise(journey_world):
    carts = [cart("c1", 1, NOW - 5 * DAY), cart("c2", 2, NOW - 5 * DAY), cart("c3", 3, NOW - 4 * DAY, cents=90_000)]
    journey_world.look(NOW, *carts)
    before = JourneyVersion(0, 1, made(MAIL, A_DAY, SECOND), {}, "", NOW, "")
    dear = {"kind": "cart_abandoned", "after": "1h", "min_total_cents": 50_000}
    after = JourneyVersion(0, 2, made(MAIL, A_DAY | {"for": "47h"}, SECOND, trigger=dear), {}, "", NOW, "")
    found = difference(journey_world.source, None, before, after, NOW - 7 * DAY, NOW)
    assert (found.entries_added, found.entries_removed) == (frozenset(), {"c1", "c2"})
    assert (found.added, found.removed, found.changed) == ({}, {"mail": 2, "second": 2}, {"second": 1})
    [changed] = [each for each in found.messages if each.before and each.after]
    assert changed.after["at"] - changed.before["at"] == DAY
    assert found.lines()[0] == "1 entries instead of 3 (0 more, 2 fewer)"
    assert journey_world.messages() == []
