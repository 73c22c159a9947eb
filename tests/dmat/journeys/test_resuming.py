"""Under test: before a journey goes on, somebody sees what it would send at once; nothing is written by looking."""

from __future__ import annotations

from datetime import timedelta

import pytest
from journey_worlds import cart, document_with, ordered
from segment_world import NOW, number_of

from dmat.errors import NotFoundError
from dmat.journeys.definition import parse_definition
from dmat.journeys.resuming import will_be_sent_on_resume

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
ANN = "ann@shop.example"
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter", "purpose": "transactional"}
STEPS = [
    MAIL | {"expires_after": "30h"}, {"key": "a-day", "do": "wait", "for": "23h"}, MAIL | {"key": "second"},
    {"key": "call", "do": "create_task", "data": {"title": "Call"}},
]  # fmt: skip


@pytest.fixture
def paused(journey_world):
    """Three people got their first mail planned and wait for a day; then it stands still."""
    journey_world.start(document_with(steps=STEPS))
    journey_world.look(NOW + HOUR + MINUTE, *(cart(f"c{n}", n, NOW + MINUTE) for n in (1, 2, 3)))
    journey_world.library.pause("cart", ANN)
    return journey_world


def test_what_was_planned_is_told_and_nobody_goes_on_before_the_wait_is_over(paused):
    paused.settings.clock.set(NOW + 2 * HOUR)
    found = will_be_sent_on_resume(paused.source, "cart")
    assert (found.planned, found.due, found.message_count) == ({"mail": 3}, 0, 3)
    assert "3 messages would leave" in found.lines()


def test_it_is_what_the_next_look_does_when_it_goes_on(paused):
    before = paused.members()
    news = [ordered(1, NOW + 20 * HOUR), cart("c9", 9, NOW + 25 * HOUR)]
    at = NOW + 28 * HOUR
    paused.look(at, *news)
    found = will_be_sent_on_resume(paused.source, "cart")
    assert paused.members() == before
    assert (found.due, found.leaving, found.entering, found.is_whole) == (3, 1, 1, True)
    assert (found.planned, found.taken_back) == ({"mail": 2}, {"mail": 1})
    assert (found.messages, found.actions) == ({"second": 2, "mail": 1}, {"call": 2})
    paused.library.resume("cart", ANN)
    look = paused.look(at)
    assert (look.planned, look.withdrawn, look.entered) == (3, 1, 1)


def test_what_waited_too_long_is_told_as_never_sent(paused):
    paused.settings.clock.set(NOW + 4 * DAY)
    found = will_be_sent_on_resume(paused.source, "cart")
    assert (found.over, found.planned) == ({"mail": 3}, {})
    assert "  3 x mail never leave: their time is over" in found.lines()


def test_of_many_who_are_due_only_some_are_tried_out_and_it_says_so(paused):
    paused.settings.clock.set(NOW + 2 * DAY)
    found = will_be_sent_on_resume(paused.source, "cart", limit=2)
    assert (found.due, found.looked_at, found.is_whole, found.messages) == (3, 2, False, {"second": 2})
    assert "first 2" in found.lines()[-1]


def test_consent_is_asked_as_the_gate_asks(journey_world):
    mail = {name: value for name, value in MAIL.items() if name != "purpose"}
    journey_world.start(document_with(steps=[{"key": "soon", "do": "wait", "for": "1h"}, mail]))
    journey_world.look(NOW + HOUR + MINUTE, *(cart(f"c{n}", n, NOW + MINUTE) for n in (1, 2)))
    journey_world.library.pause("cart", ANN)
    no = f"{number_of(2)}, 'email', 'marketing', false, '{NOW + 2 * HOUR}', 1, '', ''"
    journey_world.look(NOW + 5 * HOUR, f"insert into consent.person_channel_consent values ({no})")
    found = will_be_sent_on_resume(journey_world.source, "cart")
    assert (found.messages, found.stopped) == ({"mail": 1}, {"no consent to email": 1})


def test_a_draft_sends_nothing_and_a_journey_that_is_not_there_is_named(journey_world):
    journey_world.library.create(parse_definition(document_with(steps=STEPS)), ANN)
    found = will_be_sent_on_resume(journey_world.source, "cart")
    assert (found.message_count, found.due, found.entering) == (0, 0, 0)
    with pytest.raises(NotFoundError, match="nothing"):
        will_be_sent_on_resume(journey_world.source, "nothing")
