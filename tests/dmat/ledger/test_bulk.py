"""Under test: planning a whole step set-wise. Nobody twice, counts that add up, the same ids as one by one."""

from __future__ import annotations

import json
from datetime import timedelta

import duckdb
import pytest
from sending_fixtures import NOON, new_entry

from dmat.ledger.bulk import PlannedPerson, StepFacts, plan_many, step_ids
from dmat.ledger.entries import counts_by_state, get_entry, list_entries, transitions_of
from dmat.ledger.post import message_id_of, plan_entries
from dmat.store.workspace_values import workspace_id

PROGRAMME, STEP = "campaign:spring", "first"
FACTS = StepFacts("email", template="spring", template_version=3, variant="B", priority=2, purpose="news")


def person(number, **changes):
    values = {"person_id": number, "address": f"p{number}@example.com", "not_before": NOON} | changes
    return PlannedPerson(**values)


def plan(store, people, facts=FACTS, occurrence=""):
    with store.write() as connection:
        return plan_many(connection, PROGRAMME, 1, STEP, occurrence, people, facts, NOON)


def test_everybody_is_planned_once_and_the_counts_add_up(both_stores):
    people = [person(n, is_holdout=n % 10 == 0, suppressed_because="shares" if n % 7 == 0 else "") for n in range(50)]
    first, again = plan(both_stores, people), plan(both_stores, [*people, person(50)])
    assert (first.given, first.planned, first.held_out, first.suppressed, first.known_before) == (50, 38, 4, 8, 0)
    assert (again.given, again.planned, again.known_before) == (51, 1, 50)
    assert counts_by_state(both_stores)["planned"] == 43


def test_an_entry_carries_the_facts_of_its_step_and_of_its_person(both_stores):
    context = {"first_name": "Zoë", "n": 1}
    plan(both_stores, [person(3, context=json.dumps(context), not_before=NOON + timedelta(hours=2), locale="de")])
    [entry] = list_entries(both_stores)
    found = entry.variant, entry.purpose, entry.priority, entry.template, entry.template_version, entry.locale
    assert found == ("B", "news", 2, "spring", 3, "de")
    assert (entry.context, entry.not_before, entry.planned_at) == (context, NOON + timedelta(hours=2), NOON)
    assert (entry.attempts, entry.batch_id, entry.reason, entry.is_holdout) == (0, "", "", False)


def test_each_planned_message_is_logged_once(both_stores):
    plan(both_stores, [person(1), person(2, suppressed_because="shares")])
    plan(both_stores, [person(1)])
    for entry in list_entries(both_stores):
        [step] = transitions_of(both_stores, entry.message_id)
        assert (step["from_state"], step["to_state"], step["reason"]) == ("", entry.state, entry.reason)


def test_ids_are_the_same_as_when_planned_one_by_one(both_stores):
    plan(both_stores, [person(n) for n in (1, 22, 333)])
    entries = [new_entry(n, programme=PROGRAMME, step=STEP, occurrence="") for n in (1, 22, 333)]
    with both_stores.write() as connection:
        workspace = workspace_id(connection, NOON)
        assert plan_entries(connection, entries, NOON) == []
    for entry in entries:
        assert get_entry(both_stores, message_id_of(workspace, entry)).person_id == entry.person_id


@pytest.mark.parametrize("occurrence", ["", "resend-1", "it's"])
def test_the_warehouse_can_order_people_as_the_ledger_orders_messages(store, occurrence):
    with store.write() as connection:
        order = step_ids(connection, PROGRAMME, 1, STEP, occurrence, NOON).order
        workspace = workspace_id(connection, NOON)
    query = f"select person_id from (select range as person_id from range(500)) order by {order}"
    people = [row[0] for row in duckdb.sql(query).fetchall()]
    ids = {n: message_id_of(workspace, new_entry(n, programme=PROGRAMME, step=STEP, occurrence=occurrence))
           for n in people}  # fmt: skip
    assert people == sorted(people, key=ids.get)


def test_messages_of_all_occurrences_of_a_step_stand_side_by_side_and_have_ids_of_their_own(store):
    with store.write() as connection:
        none = step_ids(connection, "journey:cart", 1, "mail", "", NOON)
        one = step_ids(connection, "journey:cart", 1, "mail", "cart-1", NOON)
        other = step_ids(connection, "journey:cart", 1, "text", "cart-1", NOON)
    assert none.of_occurrence(7, "cart-1") == one(7)
    assert len({none(7), one(7), one.of_occurrence(7, "cart-2"), one(8)}) == 4
    assert none(7).split("-")[:1] == one(8).split("-")[:1] != other(7).split("-")[:1]
