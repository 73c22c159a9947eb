"""Under test: Dagster is told at most once a minute for each table, and not at all where there is no Dagster home."""

from __future__ import annotations

import dagster as dg

from dmat.processes import prepare_dagster_home
from dmat.settings import load_settings
from dmat_pipelines.telling import Teller

TABLES = {("operations", "home_daily"): 3, ("staging", "a_view"): None}


def test_without_a_dagster_home_nothing_is_told(tmp_path):
    assert Teller(load_settings(home=tmp_path)).tell(TABLES, 1) == 0


def test_a_table_is_told_once_a_minute_with_its_rows(tmp_path):
    settings = load_settings(home=tmp_path)
    teller = Teller(settings)
    folder = prepare_dagster_home(settings)
    assert teller.tell(TABLES, 1) == 2
    assert teller.tell(TABLES, 2) == 0
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["operations", "home_daily"]))
    metadata = event.asset_materialization.metadata
    assert (metadata["dagster/row_count"].value, metadata["version"].value) == (3, 1)


def test_a_table_that_is_told_again_is_not_taken_for_another_version_of_it(tmp_path):
    settings = load_settings(home=tmp_path)
    teller = Teller(settings, every_seconds=0.0)
    versions = set()
    with dg.DagsterInstance.from_config(str(prepare_dagster_home(settings))) as instance:
        for number in (1, 2):
            teller.tell(TABLES, number)
            event = instance.get_latest_materialization_event(dg.AssetKey(["operations", "home_daily"]))
            versions.add(event.asset_materialization.tags["dagster/data_version"])
    assert len(versions) == 1


def test_dagster_takes_the_configuration_we_write(tmp_path):
    folder = prepare_dagster_home(load_settings(home=tmp_path))
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        assert not instance.telemetry_enabled
        assert not instance.run_retries_enabled
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
