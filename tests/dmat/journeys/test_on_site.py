"""Under test: an in-app message of a journey is given to its person on the site, once, until the journey ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from journey_worlds import BROWSERS, cart, document_with
from segment_world import NOW, number_of

from dmat.campaigns.gate import make_gate
from dmat.channels.banner import live_placements
from dmat.channels.in_app import next_message, waiting
from dmat.messages.library import Templates
from dmat.messages.on_site import OnSiteWords

AFTER = NOW + timedelta(hours=1, minutes=2)
STEP = {"key": "in-app", "do": "send", "channel": "in_app", "template": "pop", "style": "full_screen"}
CONTENT = {"locales": {"": {"title": "Hi {{ first_name }}", "body": "Your cart waits"}},
           "variables": [{"name": "first_name", "fallback": "there"}]}  # fmt: skip


@pytest.fixture
def shown(journey_world):
    """Person 1 left a cart, and the journey answers on the site."""
    templates = Templates(journey_world.store, journey_world.settings.clock)
    templates.create(name="Pop", key="pop", channel="in_app", kind="text", content=CONTENT, by="ann@shop.example")
    journey_world.start(document_with(steps=[STEP]))
    journey_world.look(AFTER, BROWSERS, cart("c1", 1, NOW + timedelta(minutes=1)))
    return journey_world


def given(world, person):
    """What a page that this person opens is given."""
    gate, words = make_gate(world.settings), OnSiteWords(world.settings, world.store)
    with world.store.read() as connection:
        live, entries = live_placements(connection, AFTER), waiting(connection, number_of(person), AFTER)
    return next_message(world.store, gate, words, entries, live, "/", AFTER)


def test_the_person_gets_it_as_the_step_says_and_nobody_else_does(shown):
    found = given(shown, 1)
    assert (found.content["title"], found.placement.position) == ("Hi Person1", "full_screen")
    assert found.placement.programme == "journey:cart"
    assert given(shown, 2) is None


def test_a_paused_journey_shows_nothing_and_an_archived_one_never_again(shown):
    shown.library.pause("cart", "ann@shop.example")
    assert given(shown, 1) is None
    shown.library.resume("cart", "ann@shop.example")
    assert given(shown, 1) is not None
    shown.library.archive("cart", "ann@shop.example")
    assert given(shown, 1) is None
