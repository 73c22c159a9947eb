"""Under test: the doors of tags and values: given, shown, taken away; what is none is refused with its field."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from segment_world import PASSWORD, number_of

from apps.api.app import create_app
from dmat.journeys.exporting import mark_properties_exported, unexported_properties

ANN = f"/api/people/{number_of(1)}"


@pytest.fixture
def doors(journey_world):
    app = create_app(journey_world.settings, journey_world.store)
    with TestClient(app, base_url=journey_world.settings.resolved_public_url) as client:
        answer = client.post("/sign-in", json={"email": "marketer@shop.example", "password": PASSWORD})
        assert answer.status_code == 200
        yield client


def test_a_tag_is_given_once_shown_and_taken_away(doors, journey_world):
    for _ in range(2):
        given = doors.put(f"{ANN}/tags/hot-lead")
        assert given.status_code == 200, given.text
    assert [each["tag"] for each in doors.get(f"{ANN}/properties").json()["tags"]] == ["hot-lead"]
    [row] = unexported_properties(journey_world.store, 9)
    assert (row["name"], row["revision"]) == ("hot-lead", 1)
    mark_properties_exported(journey_world.store, [row])
    assert unexported_properties(journey_world.store, 9) == []
    assert doors.delete(f"{ANN}/tags/hot-lead").json()["tags"] == []
    [row] = unexported_properties(journey_world.store, 9)
    assert (row["is_set"], row["revision"]) == (False, 2)


def test_a_value_is_set_changed_and_taken_away_when_it_is_empty(doors):
    for value in ("silver", "gold"):
        shown = doors.put(f"{ANN}/values/plan", json={"value": value}).json()
        assert [(each["name"], each["value"]) for each in shown["values"]] == [("plan", value)]
    assert doors.put(f"{ANN}/values/plan", json={"value": ""}).json()["values"] == []


def test_nobody_and_nothing_are_refused(doors):
    assert doors.put("/api/people/5/tags/vip").status_code == 404
    refused = doors.put(f"{ANN}/tags/No tag")
    assert (refused.status_code, refused.json()["faults"][0]["path"]) == (422, "tag")
    assert doors.put(f"{ANN}/values/plan", json={"value": "x" * 501}).status_code == 422


def test_who_is_not_signed_in_sees_nothing(doors):
    doors.cookies.clear()
    assert doors.get(f"{ANN}/properties").status_code == 401
