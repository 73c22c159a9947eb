"""Under test: tests at a terminal, from a file with a plan to the winner by hand."""

from __future__ import annotations

import json

import pytest
from tested_campaigns import document_of_test
from typer.testing import CliRunner

from dmat.cli import app


@pytest.fixture
def dmat(tested):
    def call(*words):
        return CliRunner().invoke(app, ["tests", *words, "--home", str(tested.world.settings.home)])

    return call


def test_a_plan_in_a_file_becomes_a_test_that_is_started_looked_at_and_decided(tested, dmat, tmp_path):
    tested.draft()
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(document_of_test()))
    assert "Test 1 (test-1) is a draft." in dmat("create", str(file)).output
    assert dmat("start", "1").exit_code == 0
    tested.start(1)
    shown = dmat("show", "1").output
    assert "assigned" in shown
    assert "wait:" in shown
    assert "Nothing was due." in dmat("look").output
    assert "Arm b goes to all others." in dmat("winner", "1", "b", "--reason", "the brand").output
    tested.look()
    assert dmat("look").exit_code == 0
    assert "rolled_out" in dmat("list").output


def test_what_is_refused_is_one_line_and_exit_code_1(tested, dmat, tmp_path):
    tested.draft()
    file = tmp_path / "plan.yaml"
    file.write_text("name: x\nkind: subject\n")
    refused = dmat("create", str(file))
    assert (refused.exit_code, "arms" in refused.output) == (1, True)
    assert dmat("winner", "7", "a", "--reason", "so").exit_code == 1
