"""Under test: what a parse gives is used by the next workspace, and only for the very same project."""

from __future__ import annotations

import pytest

from dmat_pipelines.conform import parsed
from dmat_pipelines.conform.parsed import MANIFEST, PARTIAL, cache_folder, shared_parse


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "project" / "models").mkdir(parents=True)
    (tmp_path / "project" / "models" / "one.sql").write_text("select 1")
    return tmp_path / "project"


def parse(project, target):
    """What lay there when the parse began; None when it began from nothing."""
    with shared_parse(project, target) as own:
        file = own / PARTIAL
        found = file.read_text() if file.exists() else None
        file.write_text("parsed")
    return found


def test_a_second_workspace_begins_with_what_the_first_one_parsed(project, tmp_path):
    assert parse(project, tmp_path / "first") is None
    assert parse(project, tmp_path / "second") == "parsed"


@pytest.mark.parametrize("change", ["select 2", None])
def test_a_project_that_changed_is_parsed_from_nothing(project, tmp_path, change):
    parse(project, tmp_path / "first")
    if change is None:
        (project / "models" / "two.sql").write_text("select 1")
    else:
        (project / "models" / "one.sql").write_text(change)
    assert parse(project, tmp_path / "second") is None


def test_a_parse_that_fails_is_not_kept(project, tmp_path):
    def fail(own):
        (own / PARTIAL).write_text("half")
        (own / MANIFEST).write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError), shared_parse(project, tmp_path / "first") as own:
        fail(own)
    assert list((tmp_path / "first").iterdir()) == []
    assert parse(project, tmp_path / "second") is None


def test_without_a_cache_folder_parsing_works_all_the_same(project, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert parse(project, tmp_path / "first") is None


def test_only_the_newest_states_of_the_project_are_kept(project, tmp_path):
    for number in range(parsed.STATES_KEPT + 2):
        (project / "models" / "one.sql").write_text(f"select {number}")
        parse(project, tmp_path / str(number))
    assert len(list(cache_folder().glob("*"))) == parsed.STATES_KEPT


def test_two_parses_at_once_do_not_write_into_each_other(project, tmp_path):
    target = tmp_path / "home"
    with shared_parse(project, target) as one, shared_parse(project, target) as other:
        (one / MANIFEST).write_text("one, longer")
        (other / MANIFEST).write_text("other")
        assert not (target / MANIFEST).exists()
    assert [file.name for file in target.iterdir()] == [MANIFEST]
    assert (target / MANIFEST).read_text() == "one, longer"
