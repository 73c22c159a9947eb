"""Under test: leads and loyalty of the store reach the raw tables; twice gives once, a change gives a row more."""

from __future__ import annotations

from datetime import timedelta

import orjson
from lead_world import LEAD_NOON, hire, hot, route

from dmat.loyalty.ledger import EARN, Posting, post
from dmat.routing.answering import accept
from dmat.scoring.leads import set_status, take_in
from dmat.scoring.live import note_activity
from dmat.scoring.matrix import change_rule
from dmat.warehouse import writer
from dmat_pipelines.capture.leads import EXPORTS, export_all


def rows(world, table):
    with writer(world.settings) as connection:
        return connection.execute(f"select record_id, payload from raw.{table} order by record_updated_at").fetchall()


def test_what_the_store_knows_is_landed_once(lead_world):
    store = lead_world.store
    lead_id = take_in(store, {"email": "john@example.com"}, LEAD_NOON, "ann")[0].lead_id
    note_activity(store, lead_world.view, lead_id, "demo_request", LEAD_NOON, "ann")
    change_rule(store, "email_open", LEAD_NOON, "ann", points=3)
    with store.write() as connection:
        post(connection, [Posting("k", 7, EARN, 5, LEAD_NOON)], LEAD_NOON, "ann")
    assert export_all(lead_world.settings, store, "first") == 5
    assert export_all(lead_world.settings, store, "second") == 0
    counts = {table: len(rows(lead_world, table)) for table in ("leads", "lead_activities", "score_rules")}
    assert counts == {"leads": 1, "lead_activities": 1, "score_rules": 1}
    assert sorted(record for record, _ in rows(lead_world, "loyalty_entries")) == ["1", "2"]


def test_a_lead_that_changed_is_landed_again_as_it_is_now(lead_world):
    lead_id = take_in(lead_world.store, {"email": "john@example.com"}, LEAD_NOON, "ann")[0].lead_id
    export_all(lead_world.settings, lead_world.store, "first")
    set_status(lead_world.store, lead_id, "contacted", LEAD_NOON, "rep")
    assert export_all(lead_world.settings, lead_world.store, "second") == 1
    assert '"status":"contacted"' in rows(lead_world, "leads")[-1][1]


def test_an_assignment_is_landed_with_its_reason_and_again_once_it_is_answered_and_once_it_ends(lead_world):
    hire(lead_world, "john", team="West", territories=["US/California"])
    lead_id = hot(lead_world, country_code="US", region="California")
    route(lead_world)
    export_all(lead_world.settings, lead_world.store, "first")
    assert export_all(lead_world.settings, lead_world.store, "again") == 0
    accept(lead_world.store, lead_id, LEAD_NOON + timedelta(minutes=5), "john")
    assert EXPORTS["lead_assignments"](lead_world.settings, lead_world.store, "second").kept_count == 1
    for status in ("contacted", "qualified", "won"):
        set_status(lead_world.store, lead_id, status, LEAD_NOON + timedelta(minutes=9), "john")
    assert EXPORTS["lead_assignments"](lead_world.settings, lead_world.store, "third").kept_count == 1
    first, second, third = (orjson.loads(payload) for _, payload in rows(lead_world, "lead_assignments"))
    assert (first["rep_name"], first["rep_team"], first["place"], first["rule"]) == ("John", "West", "rep", "territory")
    assert (first["assigned_at"], first["contact_by"]) == ("2026-03-04T12:00:00", "2026-03-04T13:00:00")
    assert "The rep of the territory: John gets it" in first["why"]
    assert (first["accepted_at"], second["accepted_at"]) == (None, "2026-03-04T12:05:00")
    assert (third["contacted_at"], third["ended_because"]) == ("2026-03-04T12:09:00", "won")
    assert first["revision"] < second["revision"] < third["revision"]


def test_nothing_to_land_opens_nothing(lead_world):
    for export in EXPORTS.values():
        assert export(lead_world.settings, lead_world.store, "run").fetched_count == 0
    assert not lead_world.settings.core_path.exists()
