"""Under test: live figures of tests equal those of the tables, and what is on its way is no difference."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON, plan_messages

from dmat.experiments.in_journeys import Exposure, note_exposed
from dmat.experiments.observed import observe
from dmat.experiments.plan import parse_test_plan
from dmat.experiments.published import read_moments
from dmat.experiments.records import find_experiment
from dmat.experiments.rows import insert_experiment, keep_version
from dmat.experiments.visitors import note_completed, note_seen, read_page_tests
from dmat.journeys.definition import as_document, parse_definition
from dmat.ledger import apply_waiting
from dmat.ledger.post import Move, move
from dmat.ledger.receive import receive
from dmat.store.experiment_tables import experiment_visitors, experiments
from dmat.store.inbox import InboundEvent
from dmat.store.journey_tables import journey_versions, journeys
from dmat.warehouse import Workspace, publish, writer_lock
from dmat_pipelines.capture.deliveries import export_experiments, export_ledger, export_visitors, land_inbox
from dmat_pipelines.conform.runner import build
from dmat_pipelines.evaluate.experiments import compare_live_figures, compare_sums_with_people

MARKETER = "ann@shop.example"
ARMS = [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5, "overrides": {"subject": "Only today"}}]
MAIL = {"name": "Subject", "kind": "subject", "campaign_id": 1, "step": "mail", "duration_hours": 4, "arms": ARMS}
PAGE = {
    "name": "Headline", "kind": "landing_page", "page": "/offer", "primary": "form_completion", "duration_hours": 72,
    "arms": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5}],
}  # fmt: skip

INSIDE = {
    "name": "A mail or none", "journey": "cart", "step": "arms", "duration_hours": 72,
    "arms": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5}],
}  # fmt: skip


def begin(store, document):
    """A test that runs, whatever its campaign is."""
    with store.write() as connection:
        plan = parse_test_plan(document)
        number = insert_experiment(connection, plan, MARKETER, NOON)
        keep_version(connection, number, 1, plan, NOON, MARKETER, "")
        card = {"status": "running", "running_version": 1, "started_at": NOON, "began_at": NOON}
        connection.execute(sa.update(experiments).where(experiments.c.experiment_id == number).values(card))
        return find_experiment(connection, number)


def install_journey(store):
    definition = parse_definition({
        "key": "cart", "name": "Cart", "trigger": {"kind": "cart_abandoned", "after": "1h"},
        "steps": [
            {"key": "arms", "do": "split", "arms": [{"key": "a", "share": 0.5, "go": "mail"},
                                                    {"key": "b", "share": 0.5, "go": "end"}]},
            {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"},
        ],
    })  # fmt: skip
    card = {"key": "cart", "name": "Cart", "status": "live", "version": 1, "created_at": NOON, "updated_at": NOON,
            "created_by": MARKETER, "updated_by": MARKETER}  # fmt: skip
    with store.write() as connection:
        number = connection.execute(sa.insert(journeys).values(card).returning(journeys.c.journey_id)).scalar()
        version = {"journey_id": number, "version": 1, "definition": as_document(definition), "templates": {},
                   "definition_hash": "-", "note": "", "created_at": NOON, "created_by": MARKETER}  # fmt: skip
        connection.execute(sa.insert(journey_versions).values(version))


def reach_the_split(store, number, arm, people):
    with store.write() as connection:
        note_exposed(connection, "cart", [Exposure(number, person, arm, NOON) for person in people])


def send(store, arm, first, count, state="accepted", programme="campaign:1"):
    changes = {"programme": programme, "step": "mail", "variant": arm}
    ids = plan_messages(store, count, first=first, **changes)
    with store.write() as connection:
        for each in ("claimed", "handed_over", "accepted") if state == "accepted" else (state,):
            move(connection, [Move(message, each, "a test") for message in ids], NOON)
    return ids


def react(store, ids, kind, is_machine=False):
    at = NOON + timedelta(minutes=5)
    events = [
        InboundEvent("sendgrid", f"{kind}{is_machine}{each}", kind, at, {"event": kind}, each, channel="email",
                     is_machine=is_machine)
        for each in ids
    ]  # fmt: skip
    receive(store, events, at)
    apply_waiting(store, at)


def visit(store, number, visitors, completed=0):
    with store.write() as connection:
        [test] = [each for each in read_page_tests(connection) if each.experiment_id == number]
        for visitor in range(*visitors):
            note_seen(connection, test, f"{visitor}.1", "/offer", NOON)
        for visitor in range(visitors[0], visitors[0] + completed):
            note_completed(connection, [test], f"{visitor}.1", "trial", NOON + timedelta(minutes=1))


def carry(settings, store):
    for export in (export_experiments, export_ledger, export_visitors, land_inbox):
        export(settings, store, "a run")
    build(settings, select=["+daily_moments", "fct_message_events"], exclude_tests=True).require_ok()
    with writer_lock(settings):
        publish(settings)
    return Workspace(settings)


@pytest.fixture
def workspace(settings, store):
    """A test of subjects and one of a page, with everything that happened carried to the tables."""
    install_journey(store)
    mail, page, inside = begin(store, MAIL), begin(store, PAGE), begin(store, INSIDE)
    first, other = send(store, "a", 1, 6), send(store, "b", 11, 5)
    send(store, "b", 21, 2, "suppressed")
    send(store, "b-rest", 31, 9)
    react(store, first[:4], "opened")
    react(store, first[:2], "opened", is_machine=True)
    react(store, first[:2], "clicked")
    react(store, other[:3], "clicked")
    react(store, other[:1], "unsubscribed")
    visit(store, page.experiment_id, (0, 20), completed=7)
    reach_the_split(store, inside.experiment_id, "a", range(51, 54))
    reach_the_split(store, inside.experiment_id, "b", range(61, 65))
    react(store, send(store, "a", 51, 3, programme="journey:cart")[:1], "clicked")
    assert mail.experiment_id == 1
    return carry(settings, store)


def test_live_figures_equal_the_tables_until_something_new_happens(workspace, settings, store):
    found = compare_live_figures(store, workspace)
    assert found.differences == {}
    assert found.waiting_count == 0
    assert found.numbers["test 1, a, click: people"] == (6, 6)
    assert found.numbers["test 1, b, click: people"] == (5, 5)
    assert found.numbers["test 1, b, click: hits"] == (3, 3)
    assert found.numbers["test 1, a, open_raw: hits"] == (4, 4)
    assert found.numbers["test 3, a, click: people"] == (3, 3)
    assert found.numbers["test 3, a, click: hits"] == (1, 1)
    assert found.numbers["test 3, b, click: people"] == (4, 4)
    assert sum(found.numbers[f"test 2, {arm}, form_completion: hits"][0] for arm in "ab") == 7
    assert compare_sums_with_people(workspace).is_equal
    seen = observe(store, workspace, _experiment(store, 1))
    assert {arm: dict(seen.moments[arm]) for arm in "ab"} == {
        arm: {metric: read_moments(workspace, 1)[arm][metric] for metric in seen.moments[arm]} for arm in "ab"
    }

    visit(store, 2, (20, 25))
    later = compare_live_figures(store, workspace)
    assert not later.is_equal
    assert later.waiting_count >= 1  # on its way: no fault
    assert compare_live_figures(store, carry(settings, store)).is_equal

    with store.write() as connection:  # a fault: somebody changed the store by hand
        connection.execute(sa.update(experiment_visitors).values(completed_at=None))
    wrong = compare_live_figures(store, workspace)
    assert (wrong.is_equal, wrong.waiting_count) == (False, 0)


def _experiment(store, number):
    with store.read() as connection:
        return find_experiment(connection, number)
