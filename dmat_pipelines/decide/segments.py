"""All segments in one pass: who is in now, compared with who was, written to the log as entries and leavings.

Belongs here: when a pass is due, its order, what a failing segment means for the others. Stays out: answering a rule
(`dmat/segments`), the log itself (`segment_log.py`), the tables made from it (`dbt/models/marts/segments`).

    anything new? (a version published, a segment changed, a moment reached) -> who is in each segment
    -> under the writer lock: has the log grown? read it again -> compare -> append -> sizes and errors to the store

Killed anywhere: the next pass compares with what is in the log and writes what is missing, once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from dmat.segments.answers import Answers, SqlAnswers
from dmat.segments.bitmaps import Bits, Places
from dmat.segments.engine import Engine
from dmat.segments.evaluations import Done, Plan, fingerprint, read_plan, write_done
from dmat.segments.membership import (
    DATA,
    TIME,
    Card,
    Kept,
    Moves,
    bits_of,
    cause_of,
    compare,
    ids_of,
    is_frozen,
    leave_all,
    moved_at,
    sharpened,
    told_apart,
)
from dmat.segments.rules import EVERYBODY
from dmat.settings import Settings
from dmat.store import Store
from dmat.warehouse import Workspace, current_version, writer
from dmat_pipelines.decide.segment_log import Stamp, append, count_open, create_log, last_number, read_kept
from dmat_pipelines.decide.segment_telling import tell_moves

LOCK_SECONDS = 60.0
SIZES_EVERY = timedelta(minutes=5)  # sizes that did not change are confirmed this often
_SURVIVORS = """
    select distinct merges.surviving_person_id as person_id
    from people.person_merges as merges
    where merges.merged_person_id in (select person_id from gone_people)
        and merges.surviving_person_id in (select person_id from people.dim_people)
"""
log = logging.getLogger("dmat.segments")


@dataclass
class Report:
    """What a pass did: how many entered and left by segment, sizes, and what went wrong by segment."""

    entered: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    version: int = 0

    @property
    def moved_count(self) -> int:
        """How many entries and leavings were written."""
        return sum(self.entered.values()) + sum(self.left.values())


class SegmentPass:
    """Keeps the memberships of one workspace in step; a resident process keeps one and calls `run` again and again.

    Args:
        settings: the workspace.
        store: where segments are set up.
        view: the published tables.
        answers: what answers rules.
    """

    def __init__(self, settings: Settings, store: Store, view: Workspace, answers: Callable[[], Answers]) -> None:
        self.settings, self.store, self.view = settings, store, view
        self._make_answers = answers
        self._answers: Answers | None = None
        self._plan: Plan | None = None
        self._kept: dict[str, Kept] = {}
        self._errors: dict[str, str] = {}
        self._touched: list[Places] | None = None  # None: anybody
        self._number = -1
        self._version = 0
        self._looked_at: datetime | None = None
        self._flip_at: datetime | None = None
        self._written_at = datetime.min

    def run(self, run_id: str) -> Report:
        """One pass, if anything is new; cheap when nothing is, and almost nothing when there is no segment.

        Raises:
            NotPublishedError: there are no tables yet.
            WarehouseBusyError: another process kept writing.
        """
        known = fingerprint(self.store)
        if not known:
            return Report()
        now = self.settings.clock.now()
        if self._plan is None:
            self._go_on(read_plan(self.store, known))
        is_new_data = current_version(self.settings).number != self._version
        is_new_plan = self._plan is None or known != self._plan.fingerprint
        if not (is_new_data or is_new_plan or (self._flip_at is not None and now >= self._flip_at)):
            return Report()
        plan = self._plan if self._plan is not None and not is_new_plan else read_plan(self.store, known)
        return self._look(plan, now, is_new_data, run_id)

    def _go_on(self, plan: Plan) -> None:
        """Take over where the last process stopped: what has moved since, with the same data, was moved by time."""
        if plan.looked is not None and plan.looked.data_version == current_version(self.settings).number:
            self._version, self._looked_at = plan.looked.data_version, plan.looked.at
            self._touched = []

    def _look(self, plan: Plan, now: datetime, is_new_data: bool, run_id: str) -> Report:
        answers = self._refreshed(now)
        report = Report(version=answers.version)
        found = self._ask_all(plan, answers, report)
        moves: list[Moves] = []
        if self._must_write(plan, found, answers, is_new_data, now):
            with writer(self.settings, LOCK_SECONDS) as connection:
                create_log(connection)
                self._read_log(connection, plan, answers)
                moves = self._compare_all(plan, found, answers, is_new_data, now)
                moves = [self._dated(one, plan, answers, now) for one in moves]
                stamp = Stamp(now, self.settings.clock.now(), run_id)
                self._number = append(connection, moves, self._number, stamp)
                tell_moves(connection, self.store, now)
        self._remember(plan, found, moves, report)
        self._tell_store(plan, report, now)
        self._flip_at = answers.next_flip({key: plan.rules[key] for key in found})
        self._plan, self._version, self._looked_at = plan, answers.version, now
        self._touched = [] if isinstance(answers, Engine) else None
        return report

    def _must_write(
        self, plan: Plan, found: Mapping[str, Bits], answers: Answers, is_new_data: bool, now: datetime
    ) -> bool:
        """Whether the core file must be opened: somebody moved, or the log grew without this process."""
        if self._number < 0 or self._compare_all(plan, found, answers, is_new_data, now):
            return True
        try:
            published = self.view.cursor().execute("select max(change_number) from raw.segment_changes").fetchone()
        except duckdb.CatalogException:
            return False  # published before there was a log
        return published is not None and (published[0] or 0) > self._number

    def _refreshed(self, now: datetime) -> Answers:
        """The answers of the newest version; the engine also tells whom new data touched."""
        if self._answers is None:
            self._answers = self._make_answers()
            if isinstance(self._answers, Engine):
                self._answers.watch(self._note_touched)
        self._answers.refresh(now)
        return self._answers

    def _note_touched(self, changes: Mapping[str, Places | None]) -> None:
        for places in changes.values():
            if places is None:
                self._touched = None
            elif self._touched is not None:
                self._touched.append(places)

    def _read_log(self, connection: duckdb.DuckDBPyConnection, plan: Plan, answers: Answers) -> None:
        """Read who is in from the log, unless it stands where this process left it."""
        number = last_number(connection)
        if number == self._number:
            return
        self._kept = read_kept(connection, answers.index)
        nobody = Kept(Bits.none(len(answers.index)))
        versions = read_plan(self.store, plan.fingerprint).evaluated_versions
        for key, version in versions.items():  # a version that moved nobody is not in the log
            kept = self._kept.get(key, nobody)
            if version > kept.rule_version:
                self._kept[key] = replace(kept, rule_version=version)
        self._number = number

    def _ask_all(self, plan: Plan, answers: Answers, report: Report) -> dict[str, Bits]:
        """Who is in each segment; one that fails is reported and left as it was."""
        keys = [key for key, card in plan.cards.items() if not is_frozen(card, self._kept.get(key))]
        if isinstance(answers, Engine):
            with suppress(Exception):  # boundary: if one fails, each is asked alone, to say which
                return answers.bits_of_all({key: plan.rules[key] for key in keys}, plan.rules, plan.static_keys)
        found: dict[str, Bits] = {}
        for key in keys:
            try:
                found[key] = answers.bits(plan.rules[key], plan.rules, plan.static_keys)
            except Exception as error:  # noqa: BLE001  # boundary: one segment that fails must not stop the others
                report.errors[key] = f"{type(error).__name__}: {error}"[:2000]
                log.warning("segment failed", {"segment": key, "error": report.errors[key]})
        return found

    def _compare_all(
        self, plan: Plan, found: Mapping[str, Bits], answers: Answers, is_new_data: bool, now: datetime
    ) -> list[Moves]:
        """Who moved: in the segments that were looked at, in frozen ones that lost people, in those put aside."""
        moves = []
        for key, card in plan.cards.items():
            kept = self._kept.get(key)
            if kept is not None and is_frozen(card, kept):
                moves += self._follow_merges(card, kept, answers) if is_new_data else []
            elif key in found:
                cause = cause_of(card, kept, is_new_data)
                moves.append(compare(card, kept, found[key], answers.index, cause))
        moves += [leave_all(key, kept, answers.index) for key, kept in self._kept.items() if key not in plan.cards]
        moved = [one for one in moves if len(one)]
        if self._touched is None:
            return moved
        touched = Bits.at(np.concatenate([np.empty(0, np.int32), *self._touched]), len(answers.index))
        dynamic = plan.cards.keys() - plan.static_keys
        return [
            told_apart(one, touched, answers.index, now) if one.cause == DATA and one.key in dynamic else one
            for one in moved
        ]

    def _dated(self, one: Moves, plan: Plan, answers: Answers, now: datetime) -> Moves:
        """With the moment at which time moved each person: that of the pass only where arrays cannot say more."""
        if one.cause == TIME:
            one = moved_at(one, now)
        if self._looked_at is None or one.key not in plan.rules or not isinstance(answers, Engine):
            return one
        since, rule = self._looked_at, plan.rules[one.key]
        return sharpened(one, lambda ids: answers.turned(rule, ids, since, plan.rules, plan.static_keys))

    def _follow_merges(self, card: Card, kept: Kept, answers: Answers) -> list[Moves]:
        """People who are gone leave a frozen segment; whoever they were merged into is in it instead."""
        size = len(answers.index)
        members, everybody = kept.members.grown(size), answers.bits(EVERYBODY, {}).grown(size)
        gone = members.without(everybody)
        if not gone:
            return []
        cursor = self.view.cursor()
        cursor.register("gone_people", pa.table({"person_id": ids_of(gone, answers.index)}))
        heirs = bits_of(cursor.execute(_SURVIVORS).fetchnumpy()["person_id"], answers.index)
        stay = (members & everybody).grown(heirs.size)
        return [compare(card, kept, stay | heirs, answers.index, DATA)]

    def _remember(self, plan: Plan, found: Mapping[str, Bits], moves: list[Moves], report: Report) -> None:
        """Take over what is in the log now."""
        for one in moves:
            report.entered[one.key], report.left[one.key] = len(one.entered), len(one.left)
        for key, card in plan.cards.items():
            kept = self._kept.get(key)
            if key in found and not (kept is not None and is_frozen(card, kept)):
                self._kept[key] = Kept(found[key], card.version)
        for one in moves:
            if one.key not in plan.cards:
                del self._kept[one.key]
            elif plan.cards[one.key].kind == "static" and one.cause == DATA:
                self._number = -1  # rare: read the log again at the next pass
        report.sizes = {key: len(self._kept[key].members) for key in plan.cards if key in self._kept}

    def _tell_store(self, plan: Plan, report: Report, now: datetime) -> None:
        """Write sizes and errors where the screens read them: those that changed, and all of them now and then."""
        is_time = plan is not self._plan or report.version != self._version or now - self._written_at >= SIZES_EVERY
        keys = {
            key
            for key in plan.cards
            if is_time or key in report.entered or report.errors.get(key, "") != self._errors.get(key, "")
        }
        if keys:
            done = [Done(plan.cards[key], report.sizes.get(key, 0), report.errors.get(key, "")) for key in sorted(keys)]
            write_done(self.store, done, report.version, now)
        self._errors = report.errors
        if is_time:
            self._written_at = now


def evaluate_once(settings: Settings, store: Store, view: Workspace, run_id: str) -> Report:
    """One pass from nothing, for a run that is not resident.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    return open_pass(settings, store, view).run(run_id)


def open_pass(settings: Settings, store: Store, view: Workspace) -> SegmentPass:
    """The pass of a workspace, with the answers that it has."""
    return SegmentPass(settings, store, view, lambda: Engine(view, settings.clock, store))


def compare_with_sql(settings: Settings, store: Store, view: Workspace) -> dict[str, tuple[int, int]]:
    """For each dynamic segment: how many are in it by the log, and how many its rule finds by SQL now.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    plan = read_plan(store, fingerprint(store))
    if not plan.cards:
        return {}
    answers = SqlAnswers(view, settings.workspace_time_zone)
    answers.refresh(settings.clock.now())
    dynamic = [key for key, card in plan.cards.items() if card.kind == "dynamic"]
    with writer(settings) as connection:
        create_log(connection)
        kept = count_open(connection, dynamic)
    return {key: (kept[key], len(answers.bits(plan.rules[key], plan.rules, plan.static_keys))) for key in dynamic}
