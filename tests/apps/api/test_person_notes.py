"""Under test: notes and tasks at the doors: a person is found under each number, and what is wrong is named."""

from __future__ import annotations

import pytest
from doors import signed_in
from fastapi.testclient import TestClient
from segment_world import change_world, number_of

from apps.api.app import create_app
from dmat.store import open_store
from dmat.store.tokens import create_token

MARKETER, SALES = "marketer@shop.example", "sales@shop.example"
MERGED = (
    "create table people.person_merges (merged_person_id bigint, surviving_person_id bigint, merged_at timestamp)",
    f"insert into people.person_merges values (99, {number_of(1)}, timestamp '2026-03-01')",
)


@pytest.fixture
def doors(world):
    with TestClient(create_app(world), base_url=world.resolved_public_url) as client:
        client.headers["Origin"] = world.resolved_public_url
        yield signed_in(client)


def test_notes_and_tasks_are_written_done_and_deleted(doors):
    address = f"/api/people/{number_of(1)}/notes"
    note = doors.post(address, json={"words": "Likes green"})
    assert (note.status_code, note.json()["is_task"]) == (201, False)
    task = doors.post(address, json={"words": "Call", "due_on": "2026-03-12", "assigned_to": SALES}).json()
    assert (task["is_open"], task["due_on"], task["assigned_to"]) == (True, "2026-03-12", SALES)
    assert [each["words"] for each in doors.get(address).json()["notes"]] == ["Call", "Likes green"]
    assert [each["id"] for each in doors.get(f"/api/tasks?assigned_to={SALES}").json()["tasks"]] == [task["id"]]
    assert doors.get(f"/api/tasks?assigned_to={SALES}&until=2026-03-11").json()["tasks"] == []
    done = doors.patch(f"{address}/{task['id']}", json={"is_done": True}).json()
    assert (done["is_open"], done["done_by"]) == (False, MARKETER)
    assert doors.patch(f"{address}/{task['id']}", json={"is_done": False}).json()["is_open"]
    assert doors.delete(f"{address}/{note.json()['id']}").json()["words"] == "Likes green"
    assert [each["words"] for each in doors.get(address).json()["notes"]] == ["Call"]


def test_the_same_key_writes_once(doors):
    address = f"/api/people/{number_of(2)}/notes"
    twice = [doors.post(address, json={"words": "x"}, headers={"Idempotency-Key": "k1"}).json() for _ in range(2)]
    assert twice[0] == twice[1]
    assert len(doors.get(address).json()["notes"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"words": ""}, "words"),
        ({"words": "x", "due_on": "soon"}, "due_on"),
        ({"words": "x", "assigned_to": MARKETER}, "due_on"),
        ({"words": "x", "due_on": "2026-03-12", "assigned_to": "nobody@shop.example"}, "assigned_to"),
        ({"words": "x", "colour": "green"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(doors, body, field):
    answer = doors.post(f"/api/people/{number_of(1)}/notes", json=body)
    assert answer.status_code == 422
    assert field in answer.text


def test_a_machine_says_whose_task_it_is(doors, world):
    token = create_token(open_store(world), "crm", ["people:write"], MARKETER)
    machine = {"Authorization": f"Bearer {token}"}
    body = {"words": "Call", "due_on": "2026-03-12"}
    refused = doors.post(f"/api/people/{number_of(1)}/notes", json=body, headers=machine)
    assert (refused.status_code, "assigned_to" in refused.text) == (422, True)
    given = doors.post(f"/api/people/{number_of(1)}/notes", json=body | {"assigned_to": SALES}, headers=machine)
    assert (given.status_code, given.json()["assigned_to"]) == (201, SALES)


def test_who_was_merged_is_found_under_both_numbers(doors, world):
    change_world(world, *MERGED)
    written = doors.post("/api/people/99/notes", json={"words": "Likes green"}).json()
    assert written["person_id"] == number_of(1)
    for number in (99, number_of(1)):
        assert [each["id"] for each in doors.get(f"/api/people/{number}/notes").json()["notes"]] == [written["id"]]


def test_nobody_and_notes_of_others_are_not_found(doors):
    assert doors.get("/api/people/5/notes").status_code == 404
    note = doors.post(f"/api/people/{number_of(1)}/notes", json={"words": "x"}).json()
    assert doors.delete(f"/api/people/{number_of(2)}/notes/{note['id']}").status_code == 404


def test_who_is_not_signed_in_sees_nothing(world):
    with TestClient(create_app(world), base_url=world.resolved_public_url) as client:
        assert client.get(f"/api/people/{number_of(1)}/notes").status_code == 401
