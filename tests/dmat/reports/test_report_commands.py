"""Under test: alerts and reports at a terminal."""

from __future__ import annotations

import pytest
from quarter_world import LAST_WHOLE_DAY
from typer.testing import CliRunner

from dmat.cli import app


@pytest.fixture
def run(quarter):
    quarter.publish({LAST_WHOLE_DAY: 6})
    return lambda *words: CliRunner().invoke(app, [*words, "--home", str(quarter.settings.home)])


def test_a_report_becomes_a_file(run, tmp_path):
    for kind, head in (("pdf", b"%PDF-"), ("csv", "\ufeffsection".encode())):
        file = tmp_path / f"day.{kind}"
        assert run("reports", "make", "revenue-by-day", "--out", str(file)).exit_code == 0
        assert file.read_bytes().startswith(head)
    assert "weekly-executive" in run("reports", "list").output
    refused = run("reports", "make", "nonsense")
    assert refused.exit_code == 1
    assert "no report is called 'nonsense'" in refused.output


def test_a_report_of_a_file_is_kept_and_what_is_due_is_made(run, tmp_path):
    file = tmp_path / "mine.yml"
    file.write_text("key: mine\nname: Mine\nsections: [{title: All, metrics: [orders]}]\n")
    assert "kept as mine" in run("reports", "keep", str(file)).output
    assert "0 made" in run("reports", "due").output
    file.write_text("key: mine\nname: Mine\nsections: [{title: All, metrics: [order]}]\n")
    refused = run("reports", "keep", str(file))
    assert (refused.exit_code, "metrics" in refused.output) == (1, True)


def test_alerts_are_looked_for_listed_and_previewed(run, tmp_path):
    assert "2 alerts open" in run("alerts", "look").output
    assert "Orders: unusually low" in run("alerts", "list").output
    assert "1 told on" in run("alerts", "preview", "orders", "--days", "30").output
    assert "key: revenue" in run("alerts", "rules").output
    file = tmp_path / "rule.yml"
    file.write_text("{key: few, name: Few, kind: threshold, metric: orders, direction: below, value: 5}")
    assert "kept as few" in run("alerts", "keep", str(file)).output
