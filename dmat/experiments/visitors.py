"""Tests of pages: which version a visitor sees, for ever, and what the visitor did there, each thing once.

Belongs here: assignment of browsers, exposure, clicks on the aim of the page, forms that were sent. Stays out: the door
(`apps/api/page_tests.py`), the script on the page (`apps/api/site/dmat.js`), figures (`observed.py`).

An arm follows from a salted hash of the browser's first-party id, so nothing is kept until the page was seen; from
then on the visitor keeps that arm, also when shares change or the hash would say otherwise. While a test is paused
nobody new comes in. Once it is decided everybody new sees the winner (or, without one, the page as it is) and is no
part of the figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.channels.banner import Placement, is_on_page
from dmat.experiments.assign import arm_of_text, unit_of_text
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import (
    DECIDED,
    DECIDING,
    PAUSED,
    ROLLED_OUT,
    RUNNING,
    STOPPED,
    plan_of_version,
    read_experiments,
    salt_of,
)
from dmat.store.engine import upsert
from dmat.store.experiment_tables import experiment_visitors, experiments

SEEN, CLICKED = "seen", "clicked"
KINDS = (SEEN, CLICKED)
SHOWN = (RUNNING, DECIDING, PAUSED, DECIDED, ROLLED_OUT, STOPPED)
"""Statuses in which a page may be changed for somebody."""


@dataclass(frozen=True)
class PageTest:
    """A test of pages as a visitor meets it.

    Attributes:
        key: what the page calls it (`data-dmat-test`).
        winner: the arm that won; empty when there is none.
        group_low: where its part of the exclusion group begins; None without a group.
    """

    experiment_id: int
    key: str
    status: str
    winner: str
    group_low: float | None
    group_high: float | None
    plan: TestPlan

    @property
    def takes_visitors(self) -> bool:
        """Whether somebody new comes in."""
        return self.status in (RUNNING, DECIDING)

    def is_for(self, path: str) -> bool:
        """Whether it concerns the page with this path: one of its pages, or one that an arm leads to."""
        return self.is_tested(path) or any(_path(arm.overrides.url) == path for arm in self.plan.arms)

    def is_tested(self, path: str) -> bool:
        """Whether the page with this path is one of its own."""
        return is_on_page(_pages(self.plan.page), path)


@dataclass(frozen=True)
class Given:
    """The version of a page that a visitor sees.

    Attributes:
        url: where the visitor is led to; empty: stays.
        is_counted: whether seeing it makes the visitor part of the test.
    """

    test: PageTest
    arm: str
    url: str
    is_counted: bool


@lru_cache(maxsize=500)
def _pages(pattern: str) -> Placement:
    return Placement(
        channel="banner", programme="", programme_version=1, step="", content={}, position="top", include=(pattern,)
    )


def _path(url: str) -> str:
    return urlsplit(url).path if url else ""


def read_page_tests(connection: Connection) -> list[PageTest]:
    """Tests of pages that may change a page for somebody, with the plans that run; the oldest first."""
    table = experiments.c
    found = read_experiments(connection, table.page != "", table.campaign_id.is_(None), table.status.in_(SHOWN))
    tests = []
    for each in sorted(found, key=lambda one: one.experiment_id):
        is_newest = each.running_version in (None, each.version)
        plan = each.plan if is_newest else plan_of_version(connection, each.experiment_id, each.running_version or 1)
        tests.append(
            PageTest(each.experiment_id, each.key, each.status, each.winner, each.group_low, each.group_high, plan)
        )
    return tests


def give_arms(connection: Connection, tests: Iterable[PageTest], visitor: str, path: str) -> list[Given]:
    """What a visitor sees on a page: one answer for each test of it."""
    concerned = [test for test in tests if test.is_for(path)]
    known = read_arms(connection, [test.experiment_id for test in concerned], visitor)
    return [_give(test, visitor, path, known.get(test.experiment_id, "")) for test in concerned]


def read_arms(connection: Connection, experiment_ids: Sequence[int], visitor: str) -> dict[int, str]:
    """Test -> the arm that a visitor has seen."""
    if not experiment_ids:
        return {}
    table = experiment_visitors.c
    query = sa.select(table.experiment_id, table.arm)
    rows = connection.execute(query.where(table.visitor == visitor, table.experiment_id.in_(experiment_ids)))
    return {row.experiment_id: row.arm for row in rows}


def _give(test: PageTest, visitor: str, path: str, known: str) -> Given:
    plan, is_counted = test.plan, False
    arm = known if plan.arm(known) is not None else ""
    if not arm and test.takes_visitors and is_in_test(test, visitor):
        arm, is_counted = arm_of_text(salt_of(test.experiment_id), visitor, plan.shares), True
    if test.status in (DECIDED, ROLLED_OUT, STOPPED):
        arm = test.winner or plan.control_key
    chosen = plan.arm(arm or plan.control_key)
    url = chosen.overrides.url if chosen is not None and test.is_tested(path) else ""
    return Given(test, arm or plan.control_key, "" if _path(url) == path else url, is_counted)


def is_in_test(test: PageTest, visitor: str) -> bool:
    """Whether a visitor is in the tested share, and in the test's part of its exclusion group."""
    if unit_of_text(f"{salt_of(test.experiment_id)}:in", visitor) >= test.plan.test_share:
        return False
    if test.group_low is None or test.group_high is None:
        return True
    return test.group_low <= unit_of_text(f"exclusion:{test.plan.exclusion_group}", visitor) < test.group_high


def note_seen(connection: Connection, test: PageTest, visitor: str, path: str, now: datetime) -> bool:
    """Write down, once for ever, that a visitor saw the version that is theirs; whether it was new.

    The arm is worked out here: what a page says it showed is not believed.
    """
    given = _give(test, visitor, path, read_arms(connection, [test.experiment_id], visitor).get(test.experiment_id, ""))
    if not given.is_counted:
        return False
    row = {
        "experiment_id": test.experiment_id, "visitor": visitor, "arm": given.arm, "page": path, "seen_at": now,
        "form": "", "revision": 1, "exported_revision": 0,
    }  # fmt: skip
    statement = upsert(connection, experiment_visitors).values(row).on_conflict_do_nothing()
    return connection.execute(statement.returning(experiment_visitors.c.visitor)).first() is not None


def note_clicked(connection: Connection, test: PageTest, visitor: str, now: datetime) -> bool:
    """Write down that a visitor of the test clicked the aim of the page, the first time; whether it was."""
    return _note_first(connection, test, visitor, now, {"clicked_at": now}) == 1


def note_completed(
    connection: Connection, tests: Iterable[PageTest], visitor: str, form: str, now: datetime
) -> list[int]:
    """Write down that a visitor sent a form, in each test that it counts for and the first time; gives those tests."""
    found = []
    for test in tests:
        if test.plan.form in ("", form) and test.status in (*_COUNTING, PAUSED):
            changed = _note_first(connection, test, visitor, now, {"completed_at": now, "form": form})
            found += [test.experiment_id] if changed else []
    return found


_COUNTING = (RUNNING, DECIDING)


def _note_first(
    connection: Connection, test: PageTest, visitor: str, now: datetime, values: Mapping[str, object]
) -> int:
    """Write a moment that is not there yet, within the window that counts from when the page was seen."""
    table = experiment_visitors.c
    first = next(iter(values))
    statement = sa.update(experiment_visitors).where(
        table.experiment_id == test.experiment_id, table.visitor == visitor, table[first].is_(None),
        table.seen_at <= now, table.seen_at >= now - timedelta(days=test.plan.conversion_days),
    )  # fmt: skip
    return connection.execute(statement.values(**values, revision=table.revision + 1)).rowcount
