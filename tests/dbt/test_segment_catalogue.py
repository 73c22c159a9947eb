"""Under test: what marts say of themselves is what segments can ask, with nothing changed but their yml."""

from __future__ import annotations

import shutil

import pytest

import dmat
from dmat.segments.catalogue import example_values, freshness, read_catalogue
from dmat.segments.compiler import compile_rule
from dmat.segments.operators import OPERATORS
from dmat.segments.rules import parse
from dmat.warehouse import Workspace, publish, writer_lock
from dmat_pipelines.conform import runner

SCORES_SQL = "select person_id, cast(7 as integer) as heat from {{ ref('dim_people') }}\n"
SCORES_YML = """version: 2

models:
  - name: person_heat
    config: {contract: {enforced: true}}
    columns:
      - {name: person_id, data_type: bigint}
      - name: heat
        data_type: integer
        config: {meta: {segment: {label: "Heat, or 'warmth'", type: score, group: Scores}}}
"""


@pytest.fixture(scope="module")
def workspace(step_by_step):
    with writer_lock(step_by_step.settings):
        publish(step_by_step.settings)
    return Workspace(step_by_step.settings)


@pytest.fixture(scope="module")
def catalogue(workspace):
    return read_catalogue(workspace)


def columns_of(workspace, table):
    schema, _, name = table.partition(".")
    query = "select column_name as name from information_schema.columns where table_schema = ? and table_name = ?"
    return {row["name"] for row in workspace.rows(query, [schema, name])}


def test_every_entry_names_columns_that_exist(workspace, catalogue):
    missing = []
    for field in catalogue.fields.values():
        wanted = {field.column, field.person_column, field.currency_column} - {""}
        missing += [(field.key, name) for name in wanted - columns_of(workspace, field.table)]
    for event in catalogue.events.values():
        wanted = {event.at_column, event.person_column}
        for found in event.properties.values():
            wanted |= {found.column, found.currency_column} - {""}
        missing += [(event.key, name) for name in wanted - columns_of(workspace, event.table)]
    assert missing == []


def test_everything_has_a_label_a_group_and_a_type_with_operators(catalogue):
    assert len(catalogue.fields) >= 27
    assert len(catalogue.events) >= 15
    for field in catalogue.fields.values():
        assert all((field.label, field.group, OPERATORS[field.type])), field.key
    for event in catalogue.events.values():
        assert all((event.label, event.group)), event.key
        for found in event.properties.values():
            assert all((found.label, OPERATORS[found.type])), (event.key, found.key)


def test_every_field_event_and_property_can_be_asked_of_the_warehouse(workspace, catalogue, step_by_step):
    now = step_by_step.settings.clock.now()
    ops = {"boolean": "is_true", "consent": "is_granted", "list": "is_not_empty"}
    nodes = [{"field": key, "op": ops.get(field.type, "is_known")} for key, field in catalogue.fields.items()]
    for key, event in catalogue.events.items():
        nodes.append({"event": key, "did": True})
        nodes += [
            {"event": key, "did": True, "where": [{"property": name, "op": ops.get(found.type, "is_known")}]}
            for name, found in event.properties.items()
        ]
    everybody = workspace.rows("select count(*) as n from people.dim_people")[0]["n"]
    for node in nodes:
        query = compile_rule(parse({"where": node}), catalogue, now)
        assert len(workspace.rows(query.sql, query.parameters)) <= everybody, node


def test_regions_and_the_zones_of_people_come_with_it(catalogue):
    assert catalogue.regions["dach"].countries == ("AT", "CH", "DE")
    assert len(catalogue.regions["eu"].countries) == 27
    assert "Europe/Berlin" in catalogue.zones


def test_values_that_occur_are_counted_the_most_frequent_first(workspace, catalogue):
    countries = example_values(workspace, catalogue, "country_code")
    assert countries[0].value == "DE"
    assert [value.count for value in countries] == sorted((value.count for value in countries), reverse=True)
    assert example_values(workspace, catalogue, "country_code", containing="zz' or 1=1") == []
    assert {value.value for value in example_values(workspace, catalogue, "status", event="ordered")} <= {
        "paid", "pending", "refunded", "partially_refunded",
    }  # fmt: skip
    assert "shopify" in {value.value for value in example_values(workspace, catalogue, "sources")}
    assert freshness(workspace, catalogue, "ordered").newest_at is not None


def test_a_new_column_with_the_meta_appears_without_a_change_of_code(step_by_step, tmp_path, new_home, monkeypatch):
    project = tmp_path / "project"
    shutil.copytree(runner.PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    (project / "models" / "marts" / "people" / "person_heat.sql").write_text(SCORES_SQL)
    (project / "models" / "marts" / "people" / "person_heat.yml").write_text(SCORES_YML)
    monkeypatch.setattr(runner, "PROJECT", project)
    home = new_home(tmp_path / "home")
    home.warehouse_dir.mkdir(parents=True)
    with writer_lock(step_by_step.settings):
        shutil.copyfile(step_by_step.settings.core_path, home.core_path)
    runner.build(home, ["person_heat", "segment_catalogue"], exclude_tests=True, publish_after=True).require_ok()
    workspace = dmat.open(str(home.home))
    catalogue = read_catalogue(workspace)
    heat = catalogue.fields["heat"]
    assert (heat.label, heat.type, heat.table) == ("Heat, or 'warmth'", "score", "people.person_heat")
    query = compile_rule(parse({"where": {"field": "heat", "op": "at_least", "value": 5}}), catalogue, home.clock.now())
    everybody = workspace.rows("select count(*) as n from people.dim_people")[0]["n"]
    assert len(workspace.rows(query.sql, query.parameters)) == everybody > 0
