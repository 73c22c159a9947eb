"""Under test: orders that campaigns earned come into the live counters, each once, whatever is published again."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pytest

from dmat.ledger.counters import read_counters
from dmat.settings import load_settings
from dmat.store import open_store
from dmat.warehouse import Workspace, publish, writer
from dmat_pipelines.decide.conversions import EarnedOrders

NOW = datetime(2026, 11, 1, 9)


@pytest.fixture
def shop(tmp_path):
    settings = load_settings(tmp_path)
    settings.clock.set(NOW)
    store = open_store(settings)
    yield settings, EarnedOrders(settings, store, Workspace(settings)), store
    store.close()


def earn(settings, *rows):
    with writer(settings) as connection:
        connection.execute("create schema if not exists campaigns")
        connection.execute(
            "create table if not exists campaigns.fct_campaign_conversions (order_id varchar, campaign_id bigint,"
            " step varchar, variant varchar, channel varchar, ordered_at timestamp, is_holdout boolean)"
        )
        connection.executemany("insert into campaigns.fct_campaign_conversions values (?, ?, ?, ?, ?, ?, ?)", rows)
    publish(settings)


def test_an_order_is_counted_once_also_by_another_process_and_never_for_those_held_out(shop):
    settings, earned, store = shop
    at = datetime(2026, 10, 30, 12)
    earn(settings, ("o1", 7, "mail", "", "email", at, False), ("o2", 7, "mail", "", "email", at, True))
    assert earned.count() == 1
    assert earned.count() == 0
    earn(settings, ("o3", 7, "text", "b", "sms", at, False))
    assert earned.count() == 1
    assert EarnedOrders(settings, store, Workspace(settings)).count() == 0
    found = {(row["step"], row["variant"], row["kind"]): row["count"] for row in read_counters(store, "campaign:7")}
    assert found == {("mail", "", "converted"): 1, ("text", "b", "converted"): 1}


def test_a_workspace_without_tables_of_campaigns_counts_nothing(shop):
    settings, earned, store = shop
    with writer(settings) as connection:
        connection.execute("create table some_table as select 1 as one")
    publish(settings)
    assert earned.count() == 0
    assert read_counters(store) == []
    with pytest.raises(duckdb.CatalogException):
        Workspace(settings).rows("select * from campaigns.fct_campaign_conversions")
