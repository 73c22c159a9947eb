"""Under test: the composer says which steps are under a test, how that stands, and leads there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from campaign_world import ANN

from apps.parts.channels import NAMES
from apps.parts.render import render
from apps.screens.campaigns.testing import by_step, step_tests
from apps.screens.experiments.judging import in_the_making
from dmat.campaigns.plan import as_document, parse_plan
from dmat.experiments.plan import parse_test_plan

NOW = datetime(2026, 11, 20, 14, 5)
PLAN = parse_test_plan(
    {"name": "Subject <b>", "kind": "subject", "campaign_id": 7, "step": "mail", "duration_hours": 4, "test_share": 0.2,
     "arms": [{"key": "a", "share": 0.5}, {"key": "b", "name": "Saving", "share": 0.5, "overrides": {"subject": "x"}}]}
)  # fmt: skip
CAMPAIGN = as_document(
    parse_plan(
        {
            "audience": {"segments": ["vip"]},
            "steps": [{"key": "mail", "channel": "email", "template": "sale", "day": 1, "time": "10:00"}],
        }
    )
)


def a_test(number=1, status="running", plan=PLAN, **changes):
    return replace(in_the_making(plan, number, NOW), status=status, **changes)


def page_of(tests):
    campaign = SimpleNamespace(campaign_id=7)
    return render(
        "screens/campaigns/composer_steps.jinja", NOW, ZoneInfo("UTC"), tests=tests, campaign=campaign,
        plan=CAMPAIGN, timeline=[{"step": step, "due_at": None} for step in CAMPAIGN["steps"]], templates=[],
        pools=[], offers={}, names={}, channels=NAMES, addable=NAMES,
        reaction_choices=lambda _: (), earlier=lambda _: (), is_editable=True,
        model=SimpleNamespace(opened=""), local=lambda _: "", zone_name="UTC",
    )  # fmt: skip


def test_a_step_under_test_says_so_and_leads_to_its_monitor():
    page = page_of(by_step([a_test(3)]))
    assert "Under test" in page
    assert 'href="/experiments?id=3"' in page
    assert "2 variants go to 20% of its people, the others wait for the winner." in page
    assert "Subject &lt;b&gt;" in page
    assert "Make it a test" not in page


def test_a_step_without_a_test_offers_one():
    page = page_of({})
    assert "Under test" not in page
    assert 'href="/experiments?new=subject&amp;campaign=7&amp;step=mail"' in page


def test_a_test_that_runs_is_told_before_a_draft_and_a_draft_before_one_that_is_over():
    over, draft, live = a_test(9, "rolled_out", winner="b"), a_test(8, "draft"), a_test(2, "paused")
    assert by_step([over, draft, live])["mail"].number == 2
    assert by_step([over, draft])["mail"].number == 8
    assert by_step([a_test(1, "stopped"), over])["mail"].words == "“Saving” went to the others."
    assert by_step([over])["mail"].is_live is False


@pytest.mark.parametrize(
    ("status", "chip"),
    [("draft", "Test in the making"), ("paused", "Test paused"), ("deciding", "Test waits for you"),
     ("decided", "Tested"), ("stopped", "Test stopped")],
)  # fmt: skip
def test_every_status_has_its_words(status, chip):
    told = by_step([a_test(1, status)])["mail"]
    assert told.chip == chip
    assert told.words.endswith(".")


def test_a_test_of_frequency_is_told_at_each_step_that_it_touches():
    arms = [{"key": "a", "share": 0.5, "overrides": {"steps": ["one", "two"]}},
            {"key": "b", "share": 0.5, "overrides": {"steps": ["one"]}}]  # fmt: skip
    plan = parse_test_plan({"name": "How often", "kind": "frequency", "campaign_id": 7, "duration_hours": 4,
                            "arms": arms})  # fmt: skip
    assert set(by_step([a_test(1, plan=plan)])) == {"one", "two"}


def test_only_tests_of_that_campaign_are_told(tested):
    campaign = tested.draft()
    tested.tests.create(PLAN, ANN)
    assert step_tests(tested.tests, campaign) == {}
    number = tested.add_test(campaign)
    assert step_tests(tested.tests, campaign)["mail"].number == number
