"""Under test: sources are told by their names; many late at once are one alert; what is pushed to us is never late."""

from __future__ import annotations

import re
from datetime import timedelta

from metric_world import NOW

from dmat.alerts.conditions import NEEDED, look_at_sources
from dmat.alerts.rules import shipped_rules
from dmat.settings import ROOT
from dmat.source_names import PUSHED

RULE = next(rule for rule in shipped_rules() if rule.kind == "sources")


class Tables:
    """A warehouse that has only the tables of operations."""

    def __init__(self, *rows):
        self._rows = [dict(zip(("source", "resource", "last_checked_at", "error"), row, strict=True)) for row in rows]

    def tables(self):
        return list(NEEDED)

    def rows(self, query):
        return self._rows


def told(quarter, *rows):
    found = look_at_sources(quarter.settings, quarter.store, Tables(*rows), RULE)
    return [(each.subject, each.title) for each in found]


def test_a_late_and_a_failing_source_are_told_one_by_one(quarter):
    old = NOW - timedelta(days=2)
    assert told(quarter, ("ga4", "sessions", old, ""), ("shopify", "orders", NOW, "401"), ("meta", "ads", NOW, "")) == [
        ("source shopify", "Shopify cannot be read"), ("source ga4", "Google Analytics is late"),
    ]  # fmt: skip


def test_many_late_sources_are_one_alert_and_pushed_ones_are_never_late(quarter):
    old = NOW - timedelta(days=2)
    rows = [(source, "x", old, "") for source in ("ga4", "hubspot", "meta", "import", "ledger", "delivery")]
    assert told(quarter, *rows) == [("sources", "3 sources are late")]
    assert told(quarter, ("import", "people", old, "")) == []


def test_what_our_own_store_and_doors_hand_over_is_never_late():
    """They hand over when something changed: a week without a test or a form is no fault of a source."""
    handed_over = set()
    for file in (ROOT / "dmat_pipelines" / "capture").glob("*.py"):
        handed_over |= set(re.findall(r'Outcome\("([a-z_]+)"', file.read_text()))
    assert {"experiment", "campaign", "form", "lead", "import"} <= handed_over
    assert handed_over <= set(PUSHED)
