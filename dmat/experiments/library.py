"""The library of tests: make, find, change and version them, and lead them from draft to decided.

Belongs here: what may be done with a test and what refuses it; every change is in its log and in the audit trail. Stays
out: what a plan says (`plan.py`), whether it could run (`fitting.py`), the transaction of a decision (`settling.py`),
looking at tests that run (`running.py`), single rows (`rows.py`).

>>> library = open_library(settings, store)
>>> test = library.create(parse_test_plan(document), by="ann@shop.example")
>>> library.start(test.experiment_id, by="ann@shop.example")
>>> library.declare_winner(test.experiment_id, "b", by="bob@shop.example", reason="the offer of a ends today")

The plan is fixed when the test starts. Afterwards only its name, its hypothesis' notes, who decides and (with
always-valid inference) how long it takes may change; each change is a version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.clock import Clock
from dmat.errors import ConflictError, InvalidInputError
from dmat.experiments.deciding import LONGEST_WORDS, end_by_hand, override
from dmat.experiments.fitting import pin_templates, refuse_unfit, reopen_approval, reserve_part
from dmat.experiments.plan import TestPlan, plan_hash
from dmat.experiments.records import (
    DECIDING,
    DRAFT,
    MANUAL,
    OVER,
    PAUSED,
    RUNNING,
    STOP,
    Decision,
    Experiment,
    ExperimentVersion,
    LogLine,
    Wave,
    find_experiment,
    lock_experiment,
    read_decision,
    read_experiments,
    read_log,
    waves_of,
)
from dmat.experiments.rows import (
    insert_experiment,
    keep_version,
    move_to,
    refuse_taken_key,
    remove_experiment,
    write_card,
    write_log,
)
from dmat.experiments.settling import hold_steps, let_steps_go
from dmat.settings import Settings
from dmat.store.engine import Store, rows_of
from dmat.store.experiment_tables import experiment_versions, experiments
from dmat.store.workspace_values import write_audit

CHANGEABLE = ("name", "hypothesis", "rule", "duration_hours", "mde")
"""What of a plan may change while it runs."""


@dataclass(frozen=True)
class WantedTests:
    """Which tests to list; what is None or empty does not limit.

    Attributes:
        text: words in the name, the key, the step or what was learnt, whatever the case.
    """

    statuses: Sequence[str] = ()
    kind: str = ""
    campaign_id: int | None = None
    text: str = ""

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """What the database looks at."""
        table = experiments.c
        found: list[sa.ColumnElement[bool]] = [table.status.in_(self.statuses)] if self.statuses else []
        if self.kind:
            found.append(table.kind == self.kind)
        if self.campaign_id is not None:
            found.append(table.campaign_id == self.campaign_id)
        for word in self.text.split():
            columns = (table.name, table.key, table.step, table.learning, table.status_reason)
            found.append(sa.or_(*(column.icontains(word, autoescape=True) for column in columns)))
        return found


class ExperimentLibrary:
    """The tests of one workspace; safe to share between threads."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store

    @property
    def clock(self) -> Clock:
        """The workspace's clock."""
        return self.settings.clock

    # -- find ----------------------------------------------------------------------------------------------------

    def get(self, experiment_id: int) -> Experiment:
        """The test with this number.

        Raises:
            NotFoundError: there is none.
        """
        with self.store.read() as connection:
            return find_experiment(connection, experiment_id)

    def find(self, key: str) -> Experiment | None:
        """The test with this key."""
        with self.store.read() as connection:
            return next(iter(read_experiments(connection, experiments.c.key == key)), None)

    def list(self, wanted: WantedTests | None = None) -> list[Experiment]:
        """Tests, the last changed first."""
        with self.store.read() as connection:
            return read_experiments(connection, *(wanted or WantedTests()).conditions())

    def learnings(self, search: str = "") -> Sequence[Experiment]:
        """Tests that are decided or over, the newest first, with what they taught; words of `search` in any of it."""
        statuses = ("decided", *OVER)
        return self.list(WantedTests(statuses=statuses, text=search))

    def versions(self, experiment_id: int) -> Sequence[ExperimentVersion]:
        """Every version of a plan, the newest first.

        Raises:
            NotFoundError: there is no such test.
        """
        table = experiment_versions.c
        query = sa.select(*(table[name] for name in ExperimentVersion.__dataclass_fields__))
        query = query.where(table.experiment_id == experiment_id).order_by(table.version.desc())
        with self.store.read() as connection:
            find_experiment(connection, experiment_id)
            rows = rows_of(connection, query)
        return [ExperimentVersion(**row | {"plan": TestPlan.model_validate(row["plan"])}) for row in rows]

    def decision(self, experiment_id: int) -> Decision | None:
        """What was decided, by whom and why; None when nothing was yet."""
        with self.store.read() as connection:
            return read_decision(connection, experiment_id)

    def log(self, experiment_id: int) -> Sequence[LogLine]:
        """What happened to a test, the newest first."""
        with self.store.read() as connection:
            find_experiment(connection, experiment_id)
            return read_log(connection, experiment_id)

    def waves(self, experiment_id: int) -> Sequence[Wave]:
        """The parts of the audience that were given an arm, or wait for the winner's, in their order."""
        with self.store.read() as connection:
            return waves_of(connection, experiment_id)

    # -- change --------------------------------------------------------------------------------------------------

    def create(self, plan: TestPlan, by: str, note: str = "") -> Experiment:
        """Keep a new test as a draft.

        Raises:
            InvalidInputError: another test has its key.
        """
        with self.store.write() as connection:
            now = self.clock.now()
            number = insert_experiment(connection, plan, by, now)
            keep_version(connection, number, 1, plan, now, by, note)
            write_log(connection, number, DRAFT, "made", by, now)
            write_audit(connection, now, by, "test created", str(number), name=plan.name)
            return find_experiment(connection, number)

    def change(
        self, experiment_id: int, plan: TestPlan, by: str, note: str = "", expected_version: int | None = None
    ) -> Experiment:
        """Change a test: a new version of its plan.

        Raises:
            NotFoundError: there is no such test.
            ConflictError: somebody else changed it in the meantime, it is over, or it runs and that part is fixed.
            InvalidInputError: another test has its key.
        """
        with self._change(experiment_id) as (connection, found):
            if expected_version not in (None, found.version):
                raise ConflictError(f"test {experiment_id} is at version {found.version}, not {expected_version}")
            if plan == found.plan:
                return found
            self._refuse_fixed(found, plan)
            refuse_taken_key(connection, plan.key, experiment_id)
            now = self.clock.now()
            keep_version(connection, experiment_id, found.version + 1, plan, now, by, note)
            changed = _changed(found.plan, plan)
            write_log(connection, experiment_id, "changed", note or f"changed {', '.join(changed)}", by, now)
            write_audit(connection, now, by, "test plan changed", str(experiment_id), version=found.version + 1)
            if found.is_live:
                self._retime(connection, found, plan, by, now)
            return find_experiment(connection, experiment_id)

    def _refuse_fixed(self, found: Experiment, plan: TestPlan) -> None:
        number = found.experiment_id
        if found.status != DRAFT and not found.is_live:
            raise ConflictError(f"test {number} is {found.status}: make a new one")
        fixed = [name for name in _changed(found.plan, plan) if name not in CHANGEABLE]
        if found.is_live and fixed:
            allowed = ", ".join(CHANGEABLE)
            raise ConflictError(f"test {number} is {found.status}: {fixed[0]} is fixed (may change: {allowed})")
        if found.is_live and plan.inference != "always_valid" and plan.duration_hours != found.plan.duration_hours:
            raise ConflictError(f"test {number} concludes once, at its planned end: duration_hours is fixed")

    def _retime(self, connection: Connection, found: Experiment, plan: TestPlan, by: str, now: datetime) -> None:
        """What runs, runs with its newest plan; a longer one goes on where a person was asked."""
        card: dict[str, object] = {"running_version": found.version + 1}
        if found.deadline_at is not None and plan.duration_hours and found.plan.duration_hours:
            card["deadline_at"] = found.deadline_at + timedelta(hours=plan.duration_hours - found.plan.duration_hours)
        elif found.began_at is not None and plan.duration_hours:
            card["deadline_at"] = found.began_at + timedelta(hours=plan.duration_hours)
        write_card(connection, found.experiment_id, card, by, now)
        deadline = card.get("deadline_at")
        if found.status == DECIDING and isinstance(deadline, datetime) and deadline > now:
            fresh = find_experiment(connection, found.experiment_id)
            move_to(connection, fresh, RUNNING, by, now, "it goes on: its duration was changed")

    def duplicate(self, experiment_id: int, by: str, name: str = "") -> Experiment:
        """A new draft with the newest plan of another test."""
        source = self.get(experiment_id)
        plan = source.plan.model_copy(update={"name": (name or f"{source.name} (copy)")[:200], "key": ""})
        return self.create(plan, by, note=f"copied from test {experiment_id}")

    def delete(self, experiment_id: int, by: str) -> None:
        """Delete a draft; anything else stays.

        Raises:
            ConflictError: it is no draft.
        """
        with self._change(experiment_id) as (connection, found):
            if found.status != DRAFT:
                raise ConflictError(f"test {experiment_id} is {found.status}: only drafts are deleted")
            remove_experiment(connection, experiment_id)
            write_audit(connection, self.clock.now(), by, "test deleted", str(experiment_id), name=found.name)

    def note_learning(self, experiment_id: int, by: str, words: str) -> Experiment:
        """Write down what a test taught; it is found by search."""
        if len(words) > LONGEST_WORDS:
            raise InvalidInputError("learning", f"{len(words)} signs are too many", f"at most {LONGEST_WORDS}")
        with self._change(experiment_id) as (connection, _found):
            now = self.clock.now()
            write_card(connection, experiment_id, {"learning": words.strip()}, by, now)
            write_log(connection, experiment_id, "learning", words.strip(), by, now)
            return find_experiment(connection, experiment_id)

    # -- from draft to decided -------------------------------------------------------------------------------------

    def start(self, experiment_id: int, by: str) -> Experiment:
        """Fix the plan and let it run: people are given arms when the campaign's step is due, visitors at once.

        Raises:
            InvalidInputError: the plan could not run; names the place.
            ConflictError: it is no draft, the step has begun or is tested already, the group has no room.
        """
        with self._change(experiment_id) as (connection, found):
            if found.status != DRAFT:
                raise ConflictError(f"test {experiment_id} is {found.status}: only drafts are started")
            now = self.clock.now()
            refuse_unfit(connection, self.settings, found)
            part = reserve_part(connection, found)
            reopen_approval(connection, found, by, now)
            version = self._pin(connection, found, by, now)
            card: dict[str, object] = {"started_at": now, "running_version": version}
            if part is not None:
                card |= {"group_low": part[0], "group_high": part[1]}
            if not found.plan.is_of_a_campaign:
                hours = found.plan.duration_hours
                card |= {"began_at": now, "deadline_at": now + timedelta(hours=hours) if hours else None}
            return move_to(connection, find_experiment(connection, experiment_id), RUNNING, by, now, "", **card)

    def _pin(self, connection: Connection, found: Experiment, by: str, now: datetime) -> int:
        pinned = pin_templates(connection, found.plan)
        if plan_hash(pinned) == plan_hash(found.plan):
            return found.version
        note = "templates as they were at the start"
        keep_version(connection, found.experiment_id, found.version + 1, pinned, now, by, note)
        return found.version + 1

    def pause(self, experiment_id: int, by: str, reason: str = "") -> Experiment:
        """Let nothing more of its steps leave, decide nothing, and stop its clock."""
        with self._change(experiment_id) as (connection, found):
            now = self.clock.now()
            moved = move_to(connection, found, PAUSED, by, now, reason, paused_at=now)
            hold_steps(connection, found, reason or f"test {experiment_id} is paused", by, now)
            return moved

    def resume(self, experiment_id: int, by: str) -> Experiment:
        """Let a paused test go on; its end moves by the time that it stood still."""
        with self._change(experiment_id) as (connection, found):
            if found.status != PAUSED:
                raise ConflictError(f"test {experiment_id} is {found.status}: only a paused one goes on")
            now = self.clock.now()
            still = now - (found.paused_at or now)
            deadline = found.deadline_at + still if found.deadline_at else None
            let_steps_go(connection, found, by, now)
            return move_to(connection, found, RUNNING, by, now, "resumed", paused_at=None, deadline_at=deadline)

    def stop(self, experiment_id: int, by: str, reason: str, rest: str = "") -> Experiment:
        """End a test without a winner; those who wait get `rest`, or nothing.

        Args:
            experiment_id: which one.
            by: who stops it.
            reason: why, in words.
            rest: the arm that all others get; empty: nobody else gets anything, and what has not left never will.

        Raises:
            InvalidInputError: no reason, or no such arm. ConflictError: it is not under way.
        """
        return end_by_hand(self.settings, self.store, experiment_id, STOP, rest, by, reason)

    def declare_winner(self, experiment_id: int, arm: str, by: str, reason: str) -> Experiment:
        """Say by hand which arm all others get, whatever the figures say.

        Raises:
            InvalidInputError: no reason, or no such arm. ConflictError: it is not under way, or decided already.
        """
        if not arm:
            raise InvalidInputError("arm", "say which arm wins", "the key of an arm")
        return end_by_hand(self.settings, self.store, experiment_id, MANUAL, arm, by, reason)

    def override(self, experiment_id: int, arm: str, by: str, reason: str) -> Experiment:
        """Decide otherwise after a decision: who has not been sent to gets the other arm; the log keeps both.

        Raises:
            InvalidInputError: no reason, or no such arm.
            ConflictError: it has no winner yet, this one won, or everybody has been sent to.
        """
        return override(self.settings, self.store, experiment_id, arm, by, reason)

    @contextmanager
    def _change(self, experiment_id: int) -> Iterator[tuple[Connection, Experiment]]:
        with self.store.write() as connection:
            yield connection, lock_experiment(connection, experiment_id)


def _changed(before: TestPlan, after: TestPlan) -> list[str]:
    return [name for name in TestPlan.model_fields if getattr(before, name) != getattr(after, name)]


def open_library(settings: Settings, store: Store) -> ExperimentLibrary:
    """The tests of a workspace."""
    return ExperimentLibrary(settings, store)
