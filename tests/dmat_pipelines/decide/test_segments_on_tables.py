"""Under test: templates, passes, the tables made from them and their history, on the tables of a small company."""

from __future__ import annotations

import shutil
from datetime import timedelta

import dagster as dg
import pytest

from dmat.segments.catalogue import read_catalogue
from dmat.segments.history import growth, members_at
from dmat.segments.library import Library
from dmat.segments.templates import apply_templates, list_templates
from dmat.settings import Settings, load_settings
from dmat.store import open_store
from dmat.warehouse import Workspace, writer
from dmat_pipelines.conform.runner import build
from dmat_pipelines.decide.segments import compare_with_sql, evaluate_once, open_pass
from dmat_pipelines.resources import WorkspaceResource

TABLES = ["segment_memberships", "segment_sizes"]


@pytest.fixture(scope="module")
def settings(built: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the built workspace, so that its segments are seen here only."""
    home = tmp_path_factory.mktemp("segments") / "home"
    shutil.copytree(built.home, home)
    return load_settings(home=home)


@pytest.fixture(scope="module")
def library(settings: Settings) -> Library:
    view = Workspace(settings)
    library = Library(open_store(settings), settings.clock, lambda: read_catalogue(view))
    apply_templates(library, [template.key for template in list_templates()], by="ann")
    return library


@pytest.fixture(scope="module")
def first_look(settings: Settings, library: Library):
    """All templates as segments, looked at once, and their tables."""
    library.create(name="Frozen", rule=library.get("repeat-customers").rule, by="ann", kind="static")
    report = evaluate_once(settings, library.store, Workspace(settings), "first")
    build(settings, TABLES, publish_after=True).require_ok()
    return report


def rows(settings: Settings, query: str) -> list[tuple]:
    with writer(settings) as connection:
        return connection.execute(query).fetchall()


def test_there_are_at_least_twenty_templates_with_a_name_and_a_sentence_each():
    templates = list_templates()
    assert len(templates) >= 20
    assert len({template.key for template in templates}) == len(templates)
    assert all(template.name and template.description.endswith(".") and template.folder for template in templates)


def test_every_template_fits_the_catalogue_and_finds_people_in_a_small_company(library, first_look):
    assert first_look.errors == {}
    # two months of history: nothing is half a year or a year old, few have spent much, nobody has joined a programme
    may_be_empty = {
        "vip-60-days", "win-back-90-days", "finance-inactive-90-days", "lapsed-vip", "unengaged-180-days",
        "first-order-anniversary", "high-average-order", "tech-buyers-30-days", "back-after-a-while", "returners",
        "platinum-members",
    }  # fmt: skip
    empty = {template.key for template in list_templates() if not first_look.sizes[template.key]}
    assert empty <= may_be_empty


def test_a_template_that_is_there_already_is_left_as_it_is(library):
    assert apply_templates(library, ["repeat-customers"], by="ben") == []


def test_the_log_equals_what_the_rules_find_by_sql(settings, library, first_look):
    compared = compare_with_sql(settings, library.store, Workspace(settings))
    assert len(compared) >= 20
    assert {key: pair for key, pair in compared.items() if pair[0] != pair[1]} == {}


def test_the_tables_add_up_to_the_log(settings, first_look):
    sizes = dict(rows(settings, "select segment_key, members_count from segments.segment_sizes"))
    assert sizes == {key: size for key, size in first_look.sizes.items() if size}
    open_members = dict(rows(settings, "select segment_key, count(*) from segments.segment_memberships group by 1"))
    assert open_members == sizes


def test_who_was_in_at_a_moment_as_known_at_another(settings, library, first_look):
    view, key = Workspace(settings), "repeat-customers"
    then = settings.clock.now()
    before = members_at(view, key, then)
    assert len(before) == first_look.sizes[key]
    settings.clock.advance(timedelta(days=1))
    gone = int(before[0])
    with writer(settings) as connection:
        connection.execute("update people.dim_people set orders_count = 0 where person_id = ?", [gone])
    build(settings, ["segment_sizes"], publish_after=True)
    evaluate_once(settings, library.store, view, "second")
    build(settings, TABLES, publish_after=True).require_ok()
    now = settings.clock.now()
    assert gone not in members_at(view, key, now)
    assert gone in members_at(view, key, then)
    assert gone in members_at(view, key, now, known_at=then)
    assert len(members_at(view, key, then - timedelta(seconds=1))) == 0
    assert gone in members_at(view, "frozen", now)
    days = growth(view, key)
    assert list(days.left_count) == [0, 1]
    assert list(days.members_count) == [len(before), len(before) - 1]


def test_built_from_scratch_the_tables_are_the_same(settings, first_look):
    query = "select * exclude (_change_number) from segments.segment_sizes order by all"
    intervals = "select * from segments.segment_memberships order by entered_change"
    step_by_step = rows(settings, query), rows(settings, intervals)
    build(settings, TABLES, full_refresh=True).require_ok()
    assert (rows(settings, query), rows(settings, intervals)) == step_by_step


def test_the_asset_reports_what_moved_and_its_check_passes(settings, library, first_look):
    from dmat_pipelines.decide.assets import open_memberships_equal_the_rules, segment_changes

    workspace = WorkspaceResource(home=str(settings.home))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [segment_changes, open_memberships_equal_the_rules], resources={"workspace": workspace}, instance=instance
        )
    assert result.success
    metadata = result.asset_materializations_for_node("raw__segment_changes")[0].metadata
    assert metadata["segments"].value >= 20
    assert metadata["failed"].value == {}
    assert all(check.passed for check in result.get_asset_check_evaluations())


def test_a_closing_window_moves_people_without_new_data(settings, library, first_look):
    resident = open_pass(settings, library.store, Workspace(settings))
    resident.run("before")
    settings.clock.advance(timedelta(days=15))
    report = resident.run("after")
    assert report.left["new-subscribers"] > 0
    causes = rows(settings, "select distinct cause from raw.segment_changes where _run_id = 'after'")
    assert causes == [("time",)]


def test_the_command_line_exports_tests_compares_and_applies(settings, library, first_look, tmp_path):
    from typer.testing import CliRunner

    from dmat.cli import app

    def dmat(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["segments", *words, "--home", str(settings.home)])
        return result.exit_code, result.output

    folder = tmp_path / "segments"
    assert dmat("export", str(folder))[0] == 0
    assert dmat("diff", str(folder))[0] == 0
    file = folder / "repeat-customers.yml"
    tests = "tests:\n  people_in:\n  - fields: {orders_count: 3}\n  people_out:\n  - {name: new}\n"
    file.write_text(file.read_text().replace("value: 2", "value: 3") + tests)
    code, said = dmat("diff", str(file))
    assert (code, "changed: whose number of orders is at least 2" in said) == (1, True)
    assert dmat("test", str(file))[0] == 0
    code, said = dmat("apply", str(file), "--yes", "--by", "ann", "--note", "three now")
    assert (code, "0 gained" in said, "version 2" in said) == (0, True, True)
    assert library.versions("repeat-customers")[0].note == "three now"
    assert "Nothing would change" in dmat("apply", str(file))[1]
