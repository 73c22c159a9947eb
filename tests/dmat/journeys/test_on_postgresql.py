"""Under test: live journeys with the store in PostgreSQL: as in SQLite, from entry to move, resume and replay."""

from __future__ import annotations

from datetime import timedelta

from journey_worlds import cart, document_with, ordered
from segment_world import NOW, number_of

from dmat.journeys.acting import list_actions
from dmat.journeys.carrying import carry_out
from dmat.journeys.definition import parse_definition
from dmat.journeys.exporting import mark_members_exported, unexported_journeys, unexported_members
from dmat.journeys.known import read_known
from dmat.journeys.moving import move, preview_move
from dmat.journeys.properties import add_tag, read_properties, remove_tag
from dmat.journeys.replay import differences, replay
from dmat.journeys.resuming import will_be_sent_on_resume
from dmat.journeys.watchdog import find_stuck

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ANN = "ann@shop.example"
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
STEPS = [
    MAIL, {"key": "tag", "do": "add_tag", "data": {"tag": "left-a-cart"}}, {"key": "a-day", "do": "wait", "for": "23h"},
    MAIL | {"key": "second"}, {"key": "call", "do": "create_task", "data": {"title": "Call"}},
]  # fmt: skip


def test_a_journey_lives_on_postgresql_as_on_sqlite(journey_world_on_postgresql):
    world = journey_world_on_postgresql
    world.start(document_with(steps=STEPS))
    look = world.look(NOW + HOUR + MINUTE, *(cart(f"c{n}", n, NOW + MINUTE) for n in (1, 2, 3)))
    assert (look.entered, look.planned) == (3, 3)
    assert world.look(NOW + HOUR + 2 * MINUTE).count == 0
    assert carry_out(world.source) == 3
    look = world.look(NOW + 2 * HOUR, ordered(1, NOW + HOUR + 30 * MINUTE))
    assert (look.withdrawn, look.ended) == (1, 1)

    longer = [*STEPS[:2], STEPS[2] | {"for": "30h"}, *STEPS[3:]]
    world.library.change("cart", parse_definition(document_with(steps=longer)), ANN)
    world.library.start("cart", ANN)
    assert preview_move(world.source, "cart").moving == 2
    assert move(world.source, "cart", ANN).count == 2
    world.library.pause("cart", ANN)
    world.settings.clock.set(NOW + 40 * HOUR)
    foreseen = will_be_sent_on_resume(world.source, "cart")
    assert (foreseen.due, foreseen.messages) == (2, {"second": 2})
    world.library.resume("cart", ANN)
    assert world.look(NOW + 40 * HOUR).planned == 2
    assert find_stuck(world.store, NOW + 50 * HOUR) == []
    assert {message[1:3] for message in world.messages()} == {
        ("mail", "expired"), ("mail", "planned"), ("second", "planned"),
    }  # fmt: skip
    assert {action.kind for action in list_actions(world.store)} == {"add_tag", "create_task"}

    journey = world.library.get("cart")
    for version in (1, 2):
        chosen, known = world.library.version("cart", version), read_known(world.source, journey)
        found = replay(world.source, journey.journey_id, chosen, journey.started_at, NOW + 40 * HOUR, known)
        assert differences(world.source, found) == []

    rows = unexported_members(world.store, 9)
    assert [[step["step"] for step in row["passed"]] for row in rows][1:] == [
        ["mail", "tag", "a-day", "second", "call"]
    ] * 2
    mark_members_exported(world.store, rows)
    assert (unexported_members(world.store, 9), len(unexported_journeys(world.store, 9))) == ([], 1)


def test_tags_are_given_once_and_taken_away_on_postgresql(journey_world_on_postgresql):
    store, person = journey_world_on_postgresql.store, number_of(1)
    assert [add_tag(store, person, "vip", NOW, ANN) for _ in range(2)] == [True, False]
    assert [each.name for each in read_properties(store, person)] == ["vip"]
    assert [remove_tag(store, person, tag, NOW, ANN) for tag in ("vip", "vip", "never")] == [True, False, False]
    assert read_properties(store, person) == []
