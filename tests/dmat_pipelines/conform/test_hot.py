"""Under test: hot builds say again what dbt said, give the tables that dbt gives, and fall back to dbt."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dmat.landing import Record, land
from dmat.settings import load_settings
from dmat.warehouse import Workspace, current_version, writer
from dmat_pipelines.conform import hot
from dmat_pipelines.conform.runner import build

NOW = datetime(2026, 3, 10, 12)
ASKED = ("engagement.fct_message_events", "operations.home_daily", "deliveries.fct_messages")


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """A workspace that was built once, and its resident runner after its first hot build."""
    settings = load_settings(tmp_path_factory.mktemp("hot"), duckdb_memory_limit="500MB")
    settings.clock.set(NOW)
    build(settings, ["+tag:hot", "+fct_message_events"], exclude_tests=True, publish_after=True).require_ok()
    resident = hot.Runner(settings)
    with pytest.MonkeyPatch.context() as patch:  # whoever works at the project meanwhile shall not fail this
        patch.setattr(hot, "project_fingerprint", lambda: (1.0, 1))
        resident.build_hot()
        yield settings, resident


@pytest.fixture
def by_dbt(monkeypatch):
    """The selectors of each build that dbt makes."""
    asked = []
    whole = hot.build_hot_models
    monkeypatch.setattr(hot, "build_hot_models", lambda *given: asked.append(given[1]) or whole(*given))
    return asked


def open_mail(settings, number: int) -> None:
    event = {"email": f"p{number}@x.example", "event": "open", "timestamp": 1773144000, "sg_event_id": str(number)}
    with writer(settings) as connection:
        land(connection, "delivery_events", [Record(f"sendgrid:{number}", NOW, event)], "run", settings.clock.now())


def counted(settings) -> list[int]:
    view = Workspace(settings)
    return [view.rows(f"select count(*) as n from {table}")[0]["n"] for table in ASKED] + [
        view.rows("select sum(messages_opened_human_count) as n from operations.home_daily")[0]["n"]
    ]


def test_from_the_second_time_on_hot_tables_are_built_without_dbt(company, by_dbt):
    settings, resident = company
    open_mail(settings, 1)
    settings.clock.advance(timedelta(minutes=5))
    report = resident.build_hot()
    assert by_dbt == []
    assert report.is_ok
    assert report.version == current_version(settings)
    assert report.tables()["operations", "home_daily"] == 1
    assert {result.name for result in report} >= {"int_engagement__message_events", "home_daily"}
    built = Workspace(settings).rows(
        "select built_at, rows_count, run_id from raw.table_builds where table_name = 'operations.home_daily'"
    )
    assert [(row["built_at"], row["rows_count"], row["run_id"][:13]) for row in built] == [
        (settings.clock.now(), 1, "stream-build-")
    ]


def test_what_is_said_again_gives_what_dbt_gives(company):
    settings, resident = company
    for number in (2, 3):
        open_mail(settings, number)
        resident.build_hot()
    found = counted(settings)
    build(settings, ["tag:hot"], full_refresh=True, exclude_tests=True, publish_after=True).require_ok()
    assert counted(settings) == found
    assert found[-1] == found[0] >= 2


def test_a_statement_that_fails_lets_dbt_build(company, by_dbt):
    settings, resident = company
    before = counted(settings)[0]
    with writer(settings) as connection:
        connection.execute("drop table intermediate.int_engagement__message_events")
    open_mail(settings, 4)
    report = resident.build_hot()
    assert report.is_ok
    assert len(by_dbt) == 1
    assert counted(settings)[0] == before + 1
    by_dbt.clear()
    open_mail(settings, 5)
    resident.build_hot()
    assert len(by_dbt) <= 1  # what dbt said when it made the table anew cannot be said again either


def test_another_project_is_built_by_dbt(company, by_dbt, monkeypatch):
    settings, resident = company
    monkeypatch.setattr(hot, "project_fingerprint", lambda: (0.0, 0))
    open_mail(settings, 6)
    assert resident.build_hot().is_ok
    assert len(by_dbt) == 1
