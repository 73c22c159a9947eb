"""Under test: campaigns at a terminal say what they did, and leave with 1 when something does not add up."""

from __future__ import annotations

import pytest
from campaign_world import document_of
from typer.testing import CliRunner

from dmat.campaigns.running import Runner
from dmat.cli import app


@pytest.fixture
def call(campaign_world):
    campaign_world.start(document_of())
    world = campaign_world
    Runner(world.settings, world.store, world.desk, world.library).look()

    def run(*arguments):
        return CliRunner().invoke(app, ["campaigns", *arguments, "--home", str(world.settings.home)])

    return run


def test_campaigns_are_listed_with_how_far_they_have_come(call):
    answer = call("list")
    assert answer.exit_code == 0
    assert all(word in answer.output for word in ("running", "Sale", "email", "6"))


def test_a_campaign_is_paused_resumed_and_cancelled(call, campaign_world):
    for command, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert call(command, "1").exit_code == 0
        assert campaign_world.library.get(1).status == status


def test_what_may_not_be_done_is_one_line_and_exit_code_1(call):
    call("cancel", "1")
    answer = call("resume", "1")
    assert (answer.exit_code, "cancelled: it cannot become running" in answer.output) == (1, True)


def test_the_report_fails_until_everybody_is_accounted_for(call):
    answer = call("finish-report", "1")
    assert (answer.exit_code, "6 messages have not left" in answer.output) == (1, True)
    call("cancel", "1")
    answer = call("finish-report", "1")
    assert (answer.exit_code, "6 of 6 frozen people" in answer.output) == (0, True)


def test_a_campaign_is_shown_with_its_steps(call):
    assert "mail (email, planned): 6 planned, 0 sent" in call("show", "1").output
