"""Under test: the doors that say what leaves if a workflow goes on, and that move its members; what they refuse."""

from __future__ import annotations

from datetime import timedelta

import pytest
from doors import signed_in
from fastapi.testclient import TestClient
from journey_worlds import cart, document_with
from segment_world import NOW

from apps.api.app import create_app
from dmat.journeys.definition import parse_definition
from dmat.ledger.entries import list_entries

ANN, HOUR, MINUTE = "ann@shop.example", timedelta(hours=1), timedelta(minutes=1)
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
OLD = [MAIL, {"key": "a-day", "do": "wait", "for": "23h"}, MAIL | {"key": "second"}]
NEW = [MAIL, {"key": "two-days", "do": "wait", "for": "2d"}, MAIL | {"key": "second"}]


@pytest.fixture
def doors(journey_world):
    app = create_app(journey_world.settings, journey_world.store)
    with TestClient(app, base_url=journey_world.settings.resolved_public_url) as client:
        yield client


def test_the_outlook_of_a_paused_workflow_says_what_leaves_and_writes_nothing(marketer, journey_world):
    journey_world.start(document_with(steps=OLD))
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE))
    journey_world.library.pause("cart", ANN)
    journey_world.settings.clock.set(NOW + 30 * HOUR)
    found = marketer.get("/api/workflows/1/outlook")
    assert found.status_code == 200, found.text
    assert (found.json()["due"], found.json()["messages"], found.json()["is_whole"]) == (1, {"second": 1}, True)
    assert len(list_entries(journey_world.store)) == 1


def test_members_are_moved_as_the_preview_says(marketer, journey_world):
    journey_world.start(document_with(steps=OLD))
    journey_world.look(NOW + HOUR + MINUTE, cart("c1", 1, NOW + MINUTE), cart("c2", 3, NOW + MINUTE))
    journey_world.library.change("cart", parse_definition(document_with(steps=NEW)), ANN)
    journey_world.library.start("cart", ANN)
    body = {"places": {"a-day": "second"}, "reason": "the wait is longer now"}
    shown = marketer.post("/api/workflows/1/moves/preview", json=body).json()
    assert (shown["to_version"], shown["moving"], shown["is_possible"]) == (2, 2, True)
    assert [(place["step"], place["target"], place["count"]) for place in shown["places"]] == [("a-day", "second", 2)]
    assert {member.version for member in journey_world.members()} == {1}
    moved = marketer.post("/api/workflows/1/moves", json=body)
    assert moved.status_code == 200, moved.text
    assert (moved.json()["count"], moved.json()["to_version"], moved.json()["left"]) == (2, 2, 0)
    assert {member.version for member in journey_world.members()} == {2}


def test_a_place_that_there_is_not_and_a_workflow_that_there_is_not_are_refused(marketer, journey_world):
    journey_world.start(document_with(steps=OLD))
    journey_world.library.change("cart", parse_definition(document_with(steps=NEW)), ANN)
    journey_world.library.start("cart", ANN)
    answer = marketer.post("/api/workflows/1/moves", json={"places": {"a-day": "nowhere"}})
    assert answer.status_code == 422
    assert "nowhere" in answer.text
    assert marketer.get("/api/workflows/99/outlook").status_code == 404
    assert marketer.post("/api/workflows/1/moves", json={"place": {}}).status_code == 422


def test_who_may_only_look_moves_nobody(doors, journey_world):
    analyst = signed_in(doors, "analyst")
    journey_world.start(document_with(steps=OLD))
    assert analyst.get("/api/workflows/1/outlook").status_code == 200
    assert analyst.post("/api/workflows/1/moves", json={}).status_code == 403
