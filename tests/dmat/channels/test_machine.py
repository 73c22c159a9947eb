"""Under test: telling machines from people by one rule, the same live and in the warehouse."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from dmat.channels.machine import PATTERNS, is_machine

SEED = Path(__file__).resolve().parents[3] / "dbt" / "seeds" / "machine_user_agents.csv"


def test_the_rule_is_the_warehouses():
    with open(SEED, newline="") as file:
        assert {row["pattern"] for row in csv.DictReader(file)} == set(PATTERNS)


@pytest.mark.parametrize("agent", [
    "Mozilla/5.0", "Mozilla/5.0 (compatible; LinkProtect/4.2)", "Googlebot/2.1", "curl/8.5.0", "python-httpx/0.28",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0",
])  # fmt: skip
def test_a_machine_gives_itself_away(agent):
    assert is_machine(agent)


@pytest.mark.parametrize("agent", [
    "", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
])  # fmt: skip
def test_a_person_is_not_taken_for_one_unless_the_provider_says_so(agent):
    assert not is_machine(agent)
    assert is_machine(agent, said_by_provider=True)
