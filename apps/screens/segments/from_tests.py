"""People of a variation of an A/B test as a rule: those who were given it, or those who then did something.

Belongs here: from `7:b:click`, as the monitor of a test links to it, to a rule and a title, and back. Stays out: what
the tables count (`dbt/models/marts/experiments`), the monitor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from dmat.experiments.metrics import METRICS

IN_TEST, REACTED = "in_ab_test", "reacted_in_ab_test"
_PART = re.compile(r"([1-9]\d{0,17}):([a-z][a-z0-9]{0,19})(?::([a-z_]{1,40}))?")
MEASURES = {"revenue": "conversion", "order_value": "conversion"}
"""Amounts come from people who ordered."""


@dataclass(frozen=True)
class PeopleOfTest:
    """Everybody of a variation, or those of them who did what a measure counts.

    Attributes:
        test: number of the test.
        arm: key of the variation.
        measure: what they did; empty for everybody.
    """

    test: int
    arm: str
    measure: str = ""

    @property
    def as_text(self) -> str:
        """As addresses have it."""
        return ":".join(filter(None, (str(self.test), self.arm, self.measure)))

    @property
    def link(self) -> str:
        """The builder that begins with these people."""
        return f"/segments?{urlencode({'new': 'blank', 'test': self.as_text})}"

    @property
    def title(self) -> str:
        """A name to begin with."""
        did = f", {METRICS[self.measure].name}" if self.measure else ""
        return f"Test {self.test}, variation {self.arm.upper()}{did}"

    @property
    def rule(self) -> dict[str, Any]:
        """The rule as a document."""
        where: list[dict[str, Any]] = [
            {"property": "test", "op": "equals", "value": self.test},
            {"property": "variation", "op": "one_of", "value": [self.arm]},
        ]
        if self.measure:
            where.append({"property": "measure", "op": "one_of", "value": [self.measure]})
        event = REACTED if self.measure else IN_TEST
        return {"version": 1, "where": {"all": [{"event": event, "did": True, "where": where}]}}


def read_people_of_test(text: str) -> PeopleOfTest | None:
    """`7:b` or `7:b:click`; None for anything else."""
    found = _PART.fullmatch(text)
    if found is None or (found[3] and (found[3] not in METRICS or found[3] in MEASURES)):
        return None
    return PeopleOfTest(int(found[1]), found[2], found[3] or "")


def people_of_test(test: int, arm: str, metric: str = "") -> PeopleOfTest:
    """The people behind a figure of the monitor; amounts come from those who ordered."""
    return PeopleOfTest(test, arm, MEASURES.get(metric, metric))
