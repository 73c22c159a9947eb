"""Under test: figures are looked at when there are new tables, not at every tick; a due report is made by the run."""

from __future__ import annotations

from datetime import datetime, timedelta

import dagster as dg
import pytest
from metric_world import NOW
from quarter_world import LAST_WHOLE_DAY

from dmat.alerts.records import open_alerts
from dmat.reports.library import find_report, save_report
from dmat.reports.making import read_made
from dmat_pipelines.resources import WorkspaceResource
from sensors import figures_due as moments


@pytest.fixture
def workspace(quarter):
    return WorkspaceResource(home=str(quarter.settings.home))


def look(workspace, instance, cursor=None):
    context = dg.build_sensor_context(instance=instance, resources={"workspace": workspace}, cursor=cursor)
    return moments.figures_due(context), context.cursor


def run(workspace, instance):
    return moments.watch_all_figures.execute_in_process(instance=instance, resources={"workspace": workspace})


def test_new_tables_are_looked_at_once_and_again_after_some_minutes(quarter, workspace, instance):
    asked, cursor = look(workspace, instance)
    assert isinstance(asked, dg.RunRequest)
    quarter.publish({LAST_WHOLE_DAY: 6})
    assert isinstance(look(workspace, instance, cursor)[0], dg.SkipReason)
    quarter.settings.clock.set(NOW + timedelta(minutes=6))
    assert isinstance(look(workspace, instance, cursor)[0], dg.RunRequest)
    assert run(workspace, instance).success
    assert {alert.rule_key for alert in open_alerts(quarter.store)} == {"revenue", "orders"}


def test_a_report_whose_moment_has_come_is_made_by_the_run(quarter, workspace, instance):
    _, cursor = look(workspace, instance)
    weekly = find_report(quarter.store, "revenue-by-day").model_dump(mode="json")
    save_report(quarter.store, quarter.settings, weekly | {"schedule": {"every": "day", "hour": 7}}, "ann")
    assert isinstance(look(workspace, instance, cursor)[0], dg.SkipReason)
    quarter.settings.clock.set(datetime(2026, 3, 11, 7, 1))
    asked, _ = look(workspace, instance, cursor)
    assert asked.tags["dmat/reports"] == "revenue-by-day"
    assert run(workspace, instance).success
    assert [made.occurrence for made in read_made(quarter.store)] == ["2026-03-11T07:00"]


def test_without_tables_there_is_nothing_to_look_at(tmp_path, instance):
    asked, _ = look(WorkspaceResource(home=str(tmp_path / "new")), instance)
    assert isinstance(asked, dg.SkipReason)
