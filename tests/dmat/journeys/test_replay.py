"""Under test: a replay is the same code on the past; over its own period a live journey gives its ledger again."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from journey_worlds import cart, document_with, in_segment, ordered
from segment_world import NOW, number_of

from dmat.errors import InvalidInputError
from dmat.journeys.definition import parse_definition
from dmat.journeys.known import read_known
from dmat.journeys.records import JourneyVersion
from dmat.journeys.replay import differences, replay

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
STEPS = [
    MAIL,
    {"key": "a-day", "do": "wait", "for": "23h"},
    {"key": "who", "do": "branch", "otherwise": "morning", "cases": [
        {"when": {"kind": "any", "of": [{"kind": "segment", "segment": "vip"}, {"kind": "consent", "channel": "sms"}]},
         "go": "sms"}]},
    {"key": "sms", "do": "send", "channel": "sms", "template": "news-sms"},
    {"key": "morning", "do": "wait", "until_time": "08:30"},
    {"key": "came", "do": "wait", "for": "6h", "until_event": {"event": "visited"}, "on_timeout": "end"},
    MAIL | {"key": "last"},
]  # fmt: skip


def lived(world, hours, looks_apart, seed=0, told_late=False):
    """Let a journey live for some time; things happen at random moments, some are told late."""
    draw = random.Random(seed)
    world.start(document_with(steps=STEPS, holdout={"share": 0.2}))
    things = []
    for number in range(16):
        person, at = draw.randint(1, 12), NOW + draw.randint(1, hours * 60) * MINUTE
        things.append((at + HOUR, cart(f"c{number}", person, at)))
        if draw.random() < 0.3:
            done = at + draw.randint(61, 3000) * MINUTE
            things.append((done, f"update commerce.fct_carts set completed_at = '{done}' where cart_id = 'c{number}'"))
    for number in range(6):
        person, at = draw.randint(1, 12), NOW + draw.randint(1, hours * 60) * MINUTE
        things.append((at, ordered(person, at)))
        things.append((at, in_segment("vip", person, at, number=1000 + number)))
        visit = f"insert into engagement.fct_visits values ('w{number}', {number_of(person)}, '{at}', '/')"
        things.append((at, visit))
    if told_late:
        things = [(at + draw.choice((0, 0, 5, 50, 500)) * MINUTE, what) for at, what in things]
    moment, end = NOW, NOW + (hours + 30) * HOUR
    while moment < end:
        moment = min(moment + looks_apart(draw), end)
        news = [what for at, what in things if at <= moment]
        things = [(at, what) for at, what in things if at > moment]
        world.look(moment, *news)
    return end


def again(world, until, at_once=DAY):
    journey, version = world.library.get("cart"), world.library.version("cart")
    known = read_known(world.source, journey)
    return replay(world.source, journey.journey_id, version, journey.started_at, until, known, at_once)


@pytest.mark.parametrize(
    ("apart", "told_late"),
    [
        (lambda draw: 10 * MINUTE * draw.randint(1, 30), False),  # with spans in which nobody looks
        (lambda draw: 15 * MINUTE, True),
    ],
    ids=["with gaps", "told late"],
)
def test_replaying_a_live_journey_over_its_own_period_gives_its_ledger_again(journey_world, apart, told_late):
    until = lived(journey_world, 20, apart, seed=3, told_late=told_late)
    found = again(journey_world, until)
    assert len(journey_world.messages()) > 10
    assert differences(journey_world.source, found) == []
    states = {member.entry_key: member.state for member in journey_world.members()}
    refused = {member.entry_key for member in journey_world.members() if member.status == "refused"}
    assert {key: member.life.state for key, member in found.members.items()} == {
        key: state for key, state in states.items() if key not in refused
    }


def test_a_replay_is_the_same_however_far_its_clock_goes_at_once(journey_world):
    until = lived(journey_world, 12, lambda draw: 90 * MINUTE)
    rows = [again(journey_world, until, size).rows for size in (HOUR, DAY, 10 * DAY)]
    assert len(rows[0]) > 8
    assert rows[0] == rows[1] == rows[2]


def test_a_row_that_is_not_in_the_ledger_is_found(journey_world):
    journey_world.start(document_with(steps=STEPS))
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE), cart("c2", 2, NOW + MINUTE))
    found = again(journey_world, NOW + HOUR + MINUTE)
    assert differences(journey_world.source, found) == []
    found.rows[0].context.clear()  # personal values are not compared
    lost = found.rows.pop()
    [lacking] = differences(journey_world.source, found)
    assert (lacking.occurrence, lacking.replayed) == (lost.occurrence, None)
    assert lacking.in_ledger is not None


def test_a_draft_is_replayed_on_a_past_in_which_it_never_ran_and_nothing_is_written(journey_world):
    journey_world.look(NOW, cart("c1", 1, NOW - 3 * DAY), cart("c2", 2, NOW - 3 * DAY, ordered_at=NOW - 2 * DAY),
                       cart("c3", 3, NOW - 2 * DAY, ordered_at=NOW - 2 * DAY + 10 * MINUTE))  # fmt: skip
    definition = parse_definition(document_with(steps=STEPS))
    version = JourneyVersion(0, 1, definition, {}, "", NOW, "")
    found = replay(journey_world.source, 0, version, NOW - 7 * DAY, NOW)
    assert sorted(found.members) == ["c1", "c2"]
    assert [(row.occurrence, row.step, row.not_before) for row in found.rows[:2]] == [
        ("c1", "mail", NOW - 3 * DAY + HOUR), ("c2", "mail", NOW - 3 * DAY + HOUR),
    ]  # fmt: skip
    assert journey_world.messages() == []
    assert journey_world.members() == []


def test_a_span_that_is_none_is_refused(journey_world):
    version = JourneyVersion(0, 1, parse_definition(document_with(steps=[MAIL])), {}, "", NOW, "")
    with pytest.raises(InvalidInputError, match="span"):
        replay(journey_world.source, 0, version, NOW, NOW)
