"""Under test: leads and loyalty of the store reach the raw tables; twice gives once, a change gives a row more."""

from __future__ import annotations

from lead_world import LEAD_NOON

from dmat.loyalty.ledger import EARN, Posting, post
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


def test_nothing_to_land_opens_nothing(lead_world):
    for export in EXPORTS.values():
        assert export(lead_world.settings, lead_world.store, "run").fetched_count == 0
    assert not lead_world.settings.core_path.exists()
