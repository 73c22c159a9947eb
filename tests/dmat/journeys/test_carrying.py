"""Under test: what journeys ask of sales, scores and loyalty is done once, and what cannot be done says why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from journey_worlds import cart, change_quickly, document_with
from lead_world import SCORE_TABLES as SCORES
from segment_world import NOW, number_of

from dmat.journeys import carrying
from dmat.journeys.acting import list_actions
from dmat.journeys.carrying import carry_out
from dmat.loyalty.ledger import balances
from dmat.scoring.leads import get_lead
from dmat.scoring.live import score_of

MINUTE = timedelta(minutes=1)


def asked(world, *steps):
    world.start(document_with(steps=list(steps), exit_when=[]))
    world.look(NOW + timedelta(minutes=62), cart("c1", 1, NOW + MINUTE))


def test_points_are_added_once_however_often_it_is_carried_out(journey_world):
    asked(journey_world, {"key": "p", "do": "add_points", "data": {"points": 50}})
    assert carry_out(journey_world.source) == 1
    assert carry_out(journey_world.source) == 0
    with journey_world.store.read() as connection:
        assert balances(connection, [number_of(1)]) == {number_of(1): 50}
    [action] = list_actions(journey_world.store)
    assert (action.state, action.note) == ("done", "balance 50 points")


def test_what_cannot_be_done_says_why_and_the_rest_goes_on(journey_world):
    steps = [{"key": "p", "do": "add_points", "data": {"points": -50}},
             {"key": "q", "do": "add_points", "data": {"points": 5}}]  # fmt: skip
    asked(journey_world, *steps)
    carry_out(journey_world.source)
    found = {action.step: action for action in list_actions(journey_world.store)}
    assert (found["p"].state, found["q"].state) == ("failed", "done")
    assert "cannot be taken" in found["p"].note


def test_what_a_killed_process_left_is_not_done_again(journey_world, monkeypatch):
    asked(journey_world, {"key": "p", "do": "add_points", "data": {"points": 50}})

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setitem(carrying._WORK, "add_points", die)
        with pytest.raises(KeyboardInterrupt):
            carry_out(journey_world.source)
    assert carry_out(journey_world.source) == 0
    assert [action.state for action in list_actions(journey_world.store)] == ["doing"]


def test_a_person_who_is_gone_cannot_be_given_to_sales(journey_world):
    asked(journey_world, {"key": "a", "do": "assign_lead"})
    change_quickly(journey_world.settings, [f"delete from people.dim_people where person_id = {number_of(1)}"])
    carry_out(journey_world.source)
    [action] = list_actions(journey_world.store)
    assert (action.state, action.note) == ("failed", f"there is no person {number_of(1)} any more")


def test_a_person_becomes_a_lead_and_is_given_to_sales_with_more_points(journey_world):
    change_quickly(
        journey_world.settings,
        ["create schema if not exists scores", *(part for part in SCORES.split(";") if part.strip())],
    )
    steps = [{"key": "s", "do": "update_score", "data": {"points": 20}}, {"key": "a", "do": "assign_lead"}]
    asked(journey_world, *steps)
    carry_out(journey_world.source)
    found = {action.step: (action.state, action.note.split(":")[0]) for action in list_actions(journey_world.store)}
    assert found == {"s": ("done", "lead 1"), "a": ("done", "lead 1")}
    with journey_world.store.read() as connection:
        lead = get_lead(connection, 1)
    assert (lead.email, lead.name) == ("person1@example.com", "Person1 Test")
    assert score_of(journey_world.store, journey_world.source.desk.workspace, 1, NOW + timedelta(hours=2)).score >= 19
