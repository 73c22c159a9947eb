"""Under test: a test that starts, is decided or is stopped is told to those who listen, in the same transaction."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from campaign_world import ANN

from dmat.errors import InvalidInputError
from dmat.experiments.records import find_experiment
from dmat.experiments.rows import move_to
from dmat.outgoing.endpoints import Endpoints
from dmat.store.engine import rows_of
from dmat.store.web_tables import webhook_deliveries, webhook_events
from dmat.store.workspace_values import read_audit


@pytest.fixture
def listened(tested):
    Endpoints(tested.world.settings, tested.world.store).create("crm", "https://hooks.example/dmat", ["test.*"], ANN)
    tested.draft()
    return tested


def told(tested):
    with tested.world.store.read() as connection:
        rows = rows_of(connection, sa.select(webhook_events).order_by(webhook_events.c.created_at))
        waiting = connection.execute(sa.select(sa.func.count()).select_from(webhook_deliveries)).scalar_one()
    assert waiting == len(rows)
    return {row["kind"]: row["payload"]["data"] for row in rows}


def test_a_start_is_told_once_and_going_on_after_a_pause_is_no_start(listened):
    number = listened.add_test(1)
    listened.tests.pause(number, ANN, "wait")
    listened.tests.resume(number, ANN)
    found = told(listened)
    assert list(found) == ["test.started"]
    started = found["test.started"]
    assert (started["test_id"], started["name"], started["campaign_id"], started["step"], started["metric"]) == (
        number, "Subject", 1, "mail", "click",
    )  # fmt: skip
    assert "decision" not in started


def test_a_decision_by_hand_is_told_with_its_reason_and_is_not_called_proven(listened):
    number = listened.add_test(1)
    listened.tests.declare_winner(number, "b", ANN, "the brand")
    decided = told(listened)["test.decided"]
    assert (decided["variation"], decided["variation_name"], decided["reason"]) == ("b", "B", "the brand")
    assert (decided["decision"], decided["is_proven"], decided["by"]) == ("manual", False, ANN)
    audit = next(line for line in read_audit(listened.world.store) if line["action"] == "test decided")
    assert (audit["subject"], audit["detail"]["winner"], audit["actor"]) == (str(number), "b", ANN)


def test_that_a_person_has_to_decide_is_told_with_the_reason(listened):
    number = listened.add_test(1, rule={"auto": False})
    with listened.world.store.write() as connection:
        test = find_experiment(connection, number)
        move_to(connection, test, "deciding", "tests", listened.clock.now(), "The rule leaves the decision to you.")
    waiting = told(listened)["test.waiting"]
    assert (waiting["test_id"], waiting["status"]) == (number, "deciding")
    assert waiting["reason"] == "The rule leaves the decision to you."
    assert "decision" not in waiting


def test_another_winner_afterwards_is_told_as_a_decision_again(listened):
    number = listened.add_test(1)
    listened.tests.declare_winner(number, "b", ANN, "the brand")
    listened.clock.advance(timedelta(minutes=1))
    listened.tests.override(number, "a", ANN, "the offer of b is over")
    decided = told(listened)["test.decided"]
    assert (decided["variation"], decided["reason"]) == ("a", "the offer of b is over")


def test_a_stop_is_told_without_a_variation(listened):
    number = listened.add_test(1)
    listened.tests.stop(number, ANN, "wrong price")
    stopped = told(listened)["test.stopped"]
    assert (stopped["variation"], stopped["decision"], stopped["reason"]) == (None, "stopped", "wrong price")


def test_what_is_refused_is_not_told(listened):
    number = listened.add_test(1, is_started=False)
    listened.tests.change(number, listened.tests.get(number).plan.model_copy(update={"step": "nowhere"}), ANN)
    with pytest.raises(InvalidInputError):
        listened.tests.start(number, ANN)
    assert told(listened) == {}


def test_when_nobody_listens_nothing_is_written(tested):
    tested.draft()
    tested.add_test(1)
    assert told(tested) == {}
