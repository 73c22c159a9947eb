"""The demo's test: two subjects of the sale's announcement on half of its people, the better one for the rest.

Belongs here: its plan, and the checks that it adds up. Stays out: any rule of tests.
"""

from __future__ import annotations

from typing import Any

from dmat.experiments.library import WantedTests, open_library
from dmat.experiments.plan import parse_test_plan
from dmat.experiments.records import DECIDING, ROLLED_OUT
from dmat.settings import Settings
from dmat.store import open_store
from dmat_pipelines.decide.experiments import split_faults
from dmat_pipelines.proof import Check

PLAN: dict[str, Any] = {
    "name": "Subject of the announcement", "key": "sale-subject", "kind": "subject", "step": "announcement",
    "hypothesis": "A first name in the subject makes more people look, since it is about them.",
    "arms": [
        {"key": "a", "name": "Offer", "share": 0.5, "overrides": {"subject": "Spring Sale: save up to 50 %"}},
        {"key": "b", "name": "First name", "share": 0.5,
         "overrides": {"subject": "{{ first_name }}, the Spring Sale starts today"}},
    ],
    "test_share": 0.5, "duration_hours": 6, "primary": "click",
}  # fmt: skip


def add_test(settings: Settings, campaign_id: int, by: str) -> None:
    """Make the test of the campaign's announcement and start it; it waits for the campaign."""
    tests = open_library(settings, open_store(settings))
    test = tests.create(parse_test_plan({**PLAN, "campaign_id": campaign_id}), by)
    tests.start(test.experiment_id, by)


def decide_by_hand(settings: Settings, by: str) -> None:
    """Choose the offer where a test ended without figures and asks a person: too few people, nobody clicked."""
    tests = open_library(settings, open_store(settings))
    for test in tests.list(WantedTests(statuses=(DECIDING,))):
        tests.declare_winner(test.experiment_id, "a", by, reason="Too few people clicked; the offer is what we know.")


def checks_of_tests(settings: Settings) -> list[Check]:
    """What became of the tests: decided, rolled out, and their splits add up."""
    store = open_store(settings)
    tests = open_library(settings, store)
    found = tests.list()
    decisions = [tests.decision(each.experiment_id) for each in found]
    return [
        Check("tests that are not rolled out", sum(each.status != ROLLED_OUT for each in found)),
        Check("tests without a decision", sum(decision is None for decision in decisions)),
        Check("splits of tests that do not add up", len(split_faults(store)[1])),
    ]  # fmt: skip
