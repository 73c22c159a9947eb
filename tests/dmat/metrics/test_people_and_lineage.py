"""A figure leads to the people and rows behind it, and to the models, runs and inputs that it was made of."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from dmat.errors import InvalidInputError
from dmat.metrics import lineage, people
from dmat.metrics.asking import ask
from dmat.metrics.models import commit, model_of, upstream
from dmat.metrics.question import Filter, Question
from dmat.settings import Settings, load_settings
from dmat.warehouse import Workspace

MARCH = Question(metrics=("sent", "open_rate"), since=date(2026, 3, 1), until=date(2026, 3, 11), grain="day")


def test_the_people_behind_a_rate_are_those_of_its_numerator_or_denominator(
    metric_world: Workspace, metric_settings: Settings
) -> None:
    assert people.ids_behind(metric_world, metric_settings, MARCH, "open_rate") == [1, 2]
    assert people.ids_behind(metric_world, metric_settings, MARCH, "open_rate", "denominator") == [1, 2, 3]


def test_people_come_page_by_page_with_how_often_and_when(metric_world: Workspace, metric_settings: Settings) -> None:
    total, rows = people.behind(metric_world, metric_settings, MARCH, "sent", limit=2)
    assert total == 4
    assert rows[0] == {
        "person_id": 1, "name": "Ann", "email": "ann@shop.example", "rows_count": 2,
        "last_at": datetime(2026, 3, 3, 9, 0),
    }  # fmt: skip
    _, rest = people.behind(metric_world, metric_settings, MARCH, "sent", limit=2, offset=2)
    assert {row["person_id"] for row in (*rows, *rest)} == {1, 2, 3, 4}


def test_people_are_found_by_name_and_percent_signs_are_no_jokers(
    metric_world: Workspace, metric_settings: Settings
) -> None:
    assert people.behind(metric_world, metric_settings, MARCH, "sent", search="EVE@")[0] == 1
    assert people.behind(metric_world, metric_settings, MARCH, "sent", search="%zzz%")[0] == 0


def test_one_cell_of_an_answer_leads_to_its_own_people(metric_world: Workspace, metric_settings: Settings) -> None:
    cell = MARCH.model_copy(update={"filters": (Filter(dimension="channel", values=("sms",)),)})
    assert people.ids_behind(metric_world, metric_settings, cell, "sent") == [1]


def test_as_many_people_as_the_figure_says(metric_world: Workspace, metric_settings: Settings) -> None:
    for metric in ("people_reached", "buyers"):
        said = ask(metric_world, metric_settings, MARCH.model_copy(update={"metrics": (metric,), "grain": ""}))
        assert said.totals[metric] == len(people.ids_behind(metric_world, metric_settings, MARCH, metric))


def test_a_figure_without_people_says_so(metric_world: Workspace, metric_settings: Settings) -> None:
    assert not people.has_people("ad_spend")
    with pytest.raises(InvalidInputError, match="no people"):
        people.ids_behind(metric_world, metric_settings, MARCH, "ad_spend")


def test_a_figure_opens_to_its_definition_sql_rows_and_raw_records(
    metric_world: Workspace, metric_settings: Settings
) -> None:
    found = lineage.of(metric_world, metric_settings, MARCH, "average_order")
    assert found.value == 3_000
    assert [part.key for part in found.parts] == ["revenue", "orders_in_currency"]
    assert "commerce.fct_orders" in found.statements["orders"]
    assert [row["order_id"] for row in found.sample] == ["o6", "o4", "o2", "o1"]
    assert found.raw == [
        {"table_name": "raw.shopify_orders", "record_id": "shopify:o1", "record_updated_at": datetime(2026, 3, 10, 12),
         "payload": '{"id": "o1"}', "loaded_at": datetime(2026, 3, 10, 12), "run_id": "run-1"}
    ]  # fmt: skip
    assert [(each.table, each.rows_count, each.run_id) for each in found.inputs] == [("raw.shopify_orders", 1, "run-1")]
    assert [(each.table, each.is_counted, each.model.file) for each in found.origins] == [
        ("commerce.fct_orders", True, "dbt/models/marts/commerce/fct_orders.sql")
    ]
    assert "ref('int_commerce__orders')" in found.origins[0].model.sql
    assert len(found.commit) == 40 or found.commit.startswith("release")


def test_an_input_that_no_source_is_captured_into_names_the_run_of_its_newest_row(
    untouched_metric_home: Path, tmp_path: Path
) -> None:
    settings = load_settings(shutil.copytree(untouched_metric_home, tmp_path / "home"))
    with duckdb.connect(str(settings.warehouse_dir / "serving" / "v1.duckdb")) as connection:
        connection.execute("delete from raw.capture_outcomes")
    found = lineage.of(Workspace(settings), settings, MARCH, "revenue")
    assert [(each.table, each.run_id) for each in found.inputs] == [("raw.shopify_orders", "run-1")]


def test_the_last_parse_of_dbt_tells_what_a_table_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "dbt" / "compiled" / "dmat" / "models").mkdir(parents=True)
    (tmp_path / "dbt" / "compiled" / "dmat" / "models" / "b.sql").write_text("select 1\n\n\nfrom raw.c\n")
    nodes = {
        "model.dmat.a": {"resource_type": "model", "schema": "x", "name": "a", "raw_code": "select a",
                         "original_file_path": "models/a.sql", "depends_on": {"nodes": ["model.dmat.b"]}},
        "model.dmat.b": {"resource_type": "model", "schema": "x", "name": "b", "raw_code": "select b",
                         "original_file_path": "models/b.sql", "depends_on": {"nodes": ["source.dmat.raw.c"]}},
        "test.dmat.t": {"resource_type": "test", "schema": "x", "name": "t", "original_file_path": "t.sql"},
    }  # fmt: skip
    sources = {"source.dmat.raw.c": {"schema": "raw", "identifier": "c"}}
    (tmp_path / "dbt" / "manifest.json").write_text(json.dumps({"nodes": nodes, "sources": sources}))
    settings = load_settings(tmp_path)
    assert upstream(settings, ["x.a"]) == ("x.a", "x.b", "raw.c")
    assert model_of(settings, "x.a").sql == "select a"
    compiled = model_of(settings, "x.b")
    assert (compiled.sql, compiled.is_compiled, compiled.made_of) == ("select 1\nfrom raw.c", True, ("raw.c",))


def test_the_commit_is_read_from_loose_packed_and_detached_heads(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\nabc refs/heads/main\n")
    assert commit(tmp_path) == "abc"
    (git / "refs" / "heads" / "main").write_text("def\n")
    assert commit(tmp_path) == "def"
    (git / "HEAD").write_text("123\n")
    assert commit(tmp_path) == "123"
    assert commit(tmp_path / "nowhere").startswith(("release", "not known"))
