"""The list of tests: how each stands in one sentence, and what waits for somebody; beside it what was learned.

Belongs here: rows of both lists and what they are narrowed to. Stays out: one test (`form.py`, `monitor.py`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import param

from apps.context import Context, Pulse
from apps.parts.listing import ListPage
from apps.parts.render import render
from apps.screens.experiments import wording
from apps.screens.experiments.desk import TestDesk
from apps.screens.experiments.patterns import PATTERNS
from apps.screens.experiments.previewing import changes_of
from apps.screens.experiments.standing import plain, standing_of
from apps.screens.experiments.watching import watching_of
from apps.screens.segments.addressing import asked_for, leave_for, remember
from dmat.experiments.drafts import DRAFTS, NEW
from dmat.experiments.records import (
    DECIDING,
    DRAFT,
    LIVE,
    RUNNING,
    STATUSES,
    Decision,
    Experiment,
    count_assigned,
    read_decision,
    waves_of,
)
from dmat.store.access import caller_of_user
from dmat.store.users import User

LEARNED = "learned"
OUTCOMES = {
    "winner": ("Proven", "success", "check"), "chosen": ("Chosen, not proven", "warning", "info"),
    "manual": ("Decided by hand", "info", "person"), "stopped": ("Stopped", "", "stop"),
}  # fmt: skip
"""Kind of decision -> words, tone and icon of its chip."""


@dataclass(frozen=True)
class Known:
    """What is known of a test beyond its card: people in it, what the figures say now, and the decision."""

    people: int = 0
    words: str = ""
    decision: Decision | None = None


@dataclass(frozen=True)
class Row:
    """One test in the list.

    Attributes:
        says: how it stands, in one sentence.
        arms: letter and words of each variant.
        people: people in the test so far.
        left: how much time is left; None when none is set or it is over.
    """

    test: Experiment
    says: str
    arms: tuple[tuple[str, str], ...]
    people: int
    left: timedelta | None
    campaign: str


@dataclass(frozen=True)
class Lesson:
    """One test that is over, and what it taught."""

    test: Experiment
    decision: Decision | None
    says: str
    winner: str
    campaign: str


@dataclass(frozen=True)
class Listed:
    """The tests that fit, and how many there are of each status."""

    rows: tuple[Row, ...]
    every: int
    statuses: tuple[tuple[str, int], ...]
    waiting: tuple[Row, ...]


class ListState(param.Parameterized):
    """What the lists are narrowed to."""

    search = param.String(default="")
    status = param.String(default="")
    view = param.String(default="")


def arms_of(test: Experiment) -> tuple[tuple[str, str], ...]:
    """Letter and words of each variant."""
    said = []
    for arm in test.plan.arms:
        changed = changes_of(arm.overrides.model_dump())
        said.append((arm.key.upper(), changed if arm.overrides.subject else arm.name or changed or "as it is"))
    return tuple(said)


def row_of(test: Experiment, known: Known, campaign: str, now: datetime) -> Row:
    """A test as the list shows it."""
    left = test.deadline_at - now if test.status in LIVE and test.deadline_at else None
    says = standing_of(test, known.people, known.words, known.decision)
    return Row(test, says, arms_of(test), known.people, left, campaign)


def list_tests(
    tests: Sequence[Experiment],
    known: Mapping[int, Known],
    campaigns: Mapping[int, str],
    state: ListState,
    now: datetime,
) -> Listed:
    """The tests that fit what the list is narrowed to."""
    words = state.search.lower().split()
    every = [row_of(each, known.get(each.experiment_id, Known()), campaigns.get(each.campaign_id or 0, ""), now)
             for each in tests]  # fmt: skip
    fitting = tuple(row for row in every if (not state.status or row.test.status == state.status) and _has(row, words))
    counted = Counter(each.status for each in tests)
    return Listed(
        fitting, len(tests), tuple((name, counted[name]) for name in STATUSES if counted[name]),
        tuple(row for row in every if row.test.status == DECIDING),
    )  # fmt: skip


def _has(row: Row, words: Sequence[str]) -> bool:
    plan = row.test.plan
    text = f"{plan.name} {plan.hypothesis} {row.campaign} {row.arms} {wording.KIND_WORDS[plan.kind]}".lower()
    return all(word in text for word in words)


def lesson_of(test: Experiment, decision: Decision | None, campaign: str) -> Lesson:
    """What a test taught: what was written down, else what was decided and why."""
    winner = test.plan.arm(test.winner) if test.winner else None
    said = test.learning or plain(decision.reason if decision else test.status_reason)
    return Lesson(test, decision, said, winner.shown_name if winner else "", campaign)


def read_known(desk: TestDesk, tests: Sequence[Experiment]) -> dict[int, Known]:
    """Test -> what is known of it beyond its card; figures of the ones under way are of this moment."""
    watching, found = watching_of(desk), {}
    with desk.context.store.read() as connection:
        for each in tests:
            if each.status != DRAFT:
                people = sum(count_assigned(waves_of(connection, each.experiment_id)).values())
                found[each.experiment_id] = Known(people, "", read_decision(connection, each.experiment_id))
    for each in tests:
        if each.status in (RUNNING, DECIDING):
            known = found[each.experiment_id]
            found[each.experiment_id] = replace(known, words=watching.words_of(each))
    return found


class ListScreen(ListPage):
    """The list of tests of one reader."""

    NARROWED = ("search", "status", "view")

    def __init__(self, context: Context, user: User, desk: TestDesk) -> None:
        super().__init__()
        self.context, self.user, self.desk = context, user, desk
        self.may_write = caller_of_user(user).may("campaigns:write")
        self.state = ListState(**{name: asked_for(name) for name in self.NARROWED})
        self.lay_out(context, self._head_html())

    def refresh(self, pulse: Pulse) -> Any:
        """Ask for the list; the returned function shows it."""
        html = self._table_html()

        def show() -> None:
            self.table.html = html

        return show

    def _campaigns(self) -> dict[int, str]:
        return {each.campaign_id: each.name for each in self.desk.campaigns.library.list()}

    def _table_html(self) -> str:
        if self.state.view == LEARNED:
            return self._render("learned", lessons=self._lessons(), outcomes=OUTCOMES)
        tests = self.desk.library.list()
        known = read_known(self.desk, tests)
        listed = list_tests(tests, known, self._campaigns(), self.state, self.context.now())
        draft = DRAFTS.load(self.context.store, self.user.email, NEW)
        return self._render("list", listed=listed, draft=draft)

    def _lessons(self) -> list[Lesson]:
        tests, names = self.desk.library.learnings(self.state.search), self._campaigns()
        with self.context.store.read() as connection:
            return [
                lesson_of(each, read_decision(connection, each.experiment_id), names.get(each.campaign_id or 0, ""))
                for each in tests
            ]

    def _head_html(self) -> str:
        return self._render("list_head", patterns=PATTERNS, asks_new=asked_for("new") == "1")

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/experiments/{name}.jinja", self.context.now(), self.context.zone, state=self.state,
            may_write=self.may_write, wording=wording, **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:200]
        if name in self.NARROWED:
            setattr(self.state, name, "" if name == "status" and text == self.state.status else text)
            remember({each: getattr(self.state, each) for each in self.NARROWED})
            if name == "view":
                self.head.html = self._head_html()
            self.table.html = await asyncio.to_thread(self._table_html)
        elif name == "begin" and self.may_write:
            leave_for(f"/experiments?new={text}")
