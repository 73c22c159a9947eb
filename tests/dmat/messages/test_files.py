"""Under test: templates as files: exported, compared, applied; twice gives once; faults name their file."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from dmat.cli import app
from dmat.messages.library import Templates
from dmat.settings import load_settings
from dmat.store import open_store

runner = CliRunner()


@pytest.fixture
def templates(home):
    settings = load_settings(home)
    store = open_store(settings)
    found = Templates(store, settings.clock)
    found.create_from_starter("spring-sale-sms", "ann@shop.example")
    yield found
    store.close()


def run(home, *arguments):
    return runner.invoke(app, ["messages", *map(str, arguments), "--home", str(home)])


def test_what_was_exported_applies_to_an_empty_workspace_and_twice_is_once(templates, home, tmp_path):
    folder, other = tmp_path / "files", tmp_path / "other"
    assert run(home, "export", folder).exit_code == 0
    assert run(home, "diff", folder).exit_code == 0
    first = run(other, "apply", folder, "--yes", "--by", "bob", "--note", "moved")
    assert (first.exit_code, "Saved 1 templates" in first.output) == (0, True)
    assert "Saved" not in run(other, "apply", folder, "--yes").output
    assert run(other, "export", tmp_path / "again").exit_code == 0
    texts = [(each / "spring-sale-sms.yml").read_text() for each in (folder, tmp_path / "again")]
    assert texts[0] == texts[1]


def test_a_changed_file_is_a_new_version(templates, home, tmp_path):
    run(home, "export", tmp_path)
    file = tmp_path / "spring-sale-sms.yml"
    file.write_text(file.read_text().replace("sitewide", "on everything"))
    shown = run(home, "diff", tmp_path)
    assert shown.exit_code == 1
    assert "on everything" in shown.output
    assert run(home, "apply", file, "--yes").exit_code == 0
    assert templates.get("spring-sale-sms").version == 2


def test_a_file_that_is_no_template_is_named(home, tmp_path):
    (tmp_path / "bad.yml").write_text("key: x\nother: 1\n")
    result = run(home, "apply", tmp_path, "--yes")
    assert (result.exit_code, "bad.yml: this is not a template" in result.output.replace("\n", "")) == (2, True)
    (tmp_path / "bad.yml").write_text("key: [")
    assert "is not YAML" in run(home, "diff", tmp_path).output


def test_files_are_checked_before_they_are_applied(templates, home, tmp_path):
    run(home, "export", tmp_path)
    assert run(home, "check", tmp_path).exit_code == 0
    file = tmp_path / "spring-sale-sms.yml"
    file.write_text(file.read_text().replace("sitewide", "{{ nobody_knows }}"))
    found = run(home, "check", tmp_path)
    assert (found.exit_code, "nobody_knows is used but not declared" in found.output) == (1, True)


def test_a_pool_of_codes_is_made_and_filled(home, tmp_path):
    codes = tmp_path / "codes.csv"
    codes.write_text("code\nA1\nB2\nA1\n")
    assert "Added 2 codes; 1 were there already" in run(home, "codes", "spring", "--file", codes).output
    assert "spring: 2 free, 0 taken" in run(home, "codes", "spring").output
    assert run(home, "codes", "bad", "--pattern", "###").exit_code == 2
