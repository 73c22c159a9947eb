"""Under test: use case 10 as a playbook, with sends: mail, SMS, push and in-app message on their days, each through the
gate to its sandbox; it stops for whoever buys, who is thanked and asked for their opinion instead.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest
from journey_worlds import BROWSERS, CART_LEFT, cart, change_quickly, ordered
from segment_world import NOW, number_of

from dmat.journeys.acting import list_actions
from dmat.journeys.definition import parse_definition
from dmat.journeys.playbook import install
from dmat.ledger.entries import list_entries
from dmat_pipelines.deliver.sender import drain

ANN, HOUR, DAY = "ann@shop.example", timedelta(hours=1), timedelta(days=1)
BEGINS = NOW.replace(hour=8, minute=0) + DAY
TEXTED, BUYER = 5, 10  # of the small world both agreed to SMS
ADVERTISED = 1


@pytest.fixture
def launched(journey_world):
    """The launch and the thanks, lived hour by hour for nine days; one person buys on the third day."""
    library = journey_world.library
    change_quickly(journey_world.settings, [BROWSERS, CART_LEFT, cart("c1", ADVERTISED, BEGINS - DAY)])
    generous = journey_world.settings.model_copy(update={"frequency_cap_per_week": 10})  # by default three a week
    install(library, "multi-channel-launch", ANN)
    document = library.version("multi-channel-launch").definition.model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    document["trigger"]["moment"] = BEGINS.isoformat()
    document["holdout"] = {"share": 0, "reason": "a test"}
    library.change("multi-channel-launch", parse_definition(document), ANN)
    library.start("multi-channel-launch", ANN)
    install(library, "thank-you", ANN)
    library.start("thank-you", ANN)
    bought_at = BEGINS + 2 * DAY + HOUR
    for moment in (BEGINS + day * DAY + hour * HOUR for day in range(-1, 11) for hour in (0, 2, 4, 9)):
        is_news = bought_at < moment <= bought_at + HOUR
        journey_world.look(moment, *([ordered(BUYER, bought_at)] if is_news else []))
        drain(generous, journey_world.store, max_seconds=60, settle_seconds=0.0)
    return journey_world, bought_at


def sent(world, programme, person):
    entries = list_entries(world.store, programme=f"journey:{programme}", limit=500)
    mine = [each for each in entries if each.person_id == number_of(person) and each.accepted_at]
    return {each.step: each.accepted_at for each in mine}


def test_each_channel_has_its_day_until_somebody_buys_and_is_thanked(launched):
    world, bought_at = launched
    assert {step: (at - BEGINS).days + 1 for step, at in sent(world, "multi-channel-launch", TEXTED).items()} == {
        "announce": 1, "text": 2, "remind": 6, "last-mail": 7, "last-text": 7,
    }  # fmt: skip
    of_buyer = sent(world, "multi-channel-launch", BUYER)
    assert of_buyer
    assert max(of_buyer.values()) < bought_at
    thanked = sent(world, "thank-you", BUYER)
    assert set(thanked) == {"thank", "ask-by-mail"}
    assert timedelta(hours=1) <= thanked["thank"] - bought_at <= timedelta(hours=3)
    assert thanked["ask-by-mail"] - bought_at > 7 * DAY


def test_who_left_a_cart_is_shown_advertisements_from_the_second_day_until_the_sale_is_over(launched):
    world, _ = launched
    [listed] = list_actions(world.store, "audience")
    assert (listed.person_id, (listed.at - BEGINS).days + 1, listed.state) == (number_of(ADVERTISED), 2, "done")


def test_nobody_gets_a_step_twice_and_each_message_has_its_end(launched):
    world, _ = launched
    rows = list_entries(world.store, programme="journey:multi-channel-launch", limit=1000)
    steps = defaultdict(list)
    for row in rows:
        steps[row.person_id, row.step].append(row.state)
    assert max(len(states) for states in steps.values()) == 1
    assert len({person for person, _ in steps}) > 5
    ends = {row.state for row in rows if row.channel != "in_app"}
    assert ends <= {"accepted", "delivered", "suppressed", "expired"}
