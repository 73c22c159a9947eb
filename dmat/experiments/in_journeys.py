"""Tests inside journeys: the arms are the ways of a split, and whoever reaches it while the test runs is in it.

Belongs here: whether such a test could start, what the journey must leave as it is meanwhile, who came into it, what
they did. Stays out: which way a person goes (`dmat/journeys/trials.py`), the statistics, the decision.

A person is in a test once, with one arm, however often they come into the journey. Everybody who reached the split
counts from then on, whether or not their way has a message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import ConflictError, InvalidInputError
from dmat.experiments.carrying_over import OVERRIDDEN
from dmat.experiments.moments import Moments
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import (
    DECIDED,
    DECIDING,
    DRAFT,
    LIVE,
    PAUSED,
    ROLLED_OUT,
    RUNNING,
    STOPPED,
    Experiment,
    read_experiments,
)
from dmat.experiments.rows import write_card
from dmat.journeys.definition import Definition
from dmat.journeys.records import ARCHIVED, Journey, find_journey, find_version, read_versions
from dmat.journeys.steps import END, Send, Split, targets_of
from dmat.journeys.trials import Trial
from dmat.store.engine import chunks, upsert
from dmat.store.experiment_tables import experiment_log, experiment_visitors, experiments
from dmat.store.tables import ledger_entries, message_marks

TAKES = (RUNNING, DECIDING)
"""Statuses in which whoever reaches the split comes into the test."""
CHANGES = (*TAKES, PAUSED, DECIDED, STOPPED, ROLLED_OUT)


class Exposure(NamedTuple):
    """A person who came into a test, and when (logical)."""

    experiment_id: int
    person_id: int
    arm: str
    at: datetime


# -- start -----------------------------------------------------------------------------------------------------------


def refuse_unfit_split(connection: Connection, experiment: Experiment) -> None:
    """Stop a test that could not run in its journey.

    Raises:
        NotFoundError: there is no such journey. InvalidInputError: the step is no split, or has other arms.
        ConflictError: the journey is over, or is tested already, or was with arms of these names.
    """
    plan = experiment.plan
    journey = find_journey(connection, plan.journey)
    if journey.status == ARCHIVED:
        raise ConflictError(f"journey {journey.key} is {journey.status}: nothing of it can be tested")
    if journey.live_version is None:
        raise ConflictError(f"journey {journey.key} was never switched on: start it first, then its test")
    definition = running_definition(connection, journey)
    split = definition.step(plan.step)
    if not isinstance(split, Split):
        known = ", ".join(step.key for step in definition.steps if isinstance(step, Split)) or "it has none yet"
        raise InvalidInputError("step", f"journey {journey.key} has no split {plan.step!r}", known)
    wanted = {arm.key: arm.share for arm in split.arms}
    if wanted != plan.shares:
        allowed = ", ".join(f"{key} {share:g}" for key, share in wanted.items())
        raise InvalidInputError("arms", f"these are not the arms of the split {plan.step}", allowed)
    _refuse_tested(connection, experiment)


def _refuse_tested(connection: Connection, experiment: Experiment) -> None:
    for other in _tests_of(connection, experiment.plan.journey):
        number = other.experiment_id
        if number == experiment.experiment_id:
            continue
        if other.is_live:
            raise ConflictError(f"journey {other.journey} is tested already by test {number} ({other.status})")
        taken = sorted({*other.plan.arm_keys} & {*experiment.plan.arm_keys})
        if taken:
            raise ConflictError(
                f"messages of this journey carry the arms of test {number}: {', '.join(taken)};"
                " give the arms of the split names of their own"
            )


def running_definition(connection: Connection, journey: Journey) -> Definition:
    """What people who come into a journey live by; the newest version before it was switched on."""
    return find_version(connection, journey.journey_id, journey.live_version or journey.version).definition


def keep_split(connection: Connection, journey: Journey, definition: Definition, by: str, now: datetime) -> None:
    """Stop a version of a journey that divides otherwise than a test that is under way.

    Raises:
        ConflictError: it does.
    """
    for test in _tests_of(connection, journey.key, LIVE):
        before, after = running_definition(connection, journey).step(test.step), definition.step(test.step)
        if after != before:
            number = test.experiment_id
            raise ConflictError(f"test {number} is {test.status}: the split {test.step} stays as it is until its end")
        write_card(connection, test.experiment_id, {}, by, now)  # its messages may be other ones: told to the tables


def tested_steps(connection: Connection, journey_key: str, split: str) -> tuple[str, ...]:
    """The messages that may come after a split, in any version of the journey."""
    journey, found = find_journey(connection, journey_key), set[str]()
    for version in read_versions(connection, journey.journey_id):
        found |= _sends_after(version.definition, split)
    return tuple(sorted(found))


def _sends_after(definition: Definition, split: str) -> set[str]:
    seen: set[str] = set()
    waiting = [split] if definition.step(split) else []
    while waiting:
        key = waiting.pop()
        if key != END and key not in seen:
            seen.add(key)
            waiting += [target for _, target in targets_of(definition.by_key[key], definition.below[key])]
    return {key for key in seen if isinstance(definition.step(key), Send)}


# -- who is in it ----------------------------------------------------------------------------------------------------


def read_trials(connection: Connection, journey_key: str) -> tuple[Trial, ...]:
    """The tests of a journey as its members meet them, the newest first."""
    found = _tests_of(connection, journey_key)
    if not found:
        return ()
    table = experiment_log.c
    query = sa.select(table.experiment_id, table.kind, table.happened_at, table.detail).where(
        table.experiment_id.in_([each.experiment_id for each in found]), table.kind.in_((*CHANGES, OVERRIDDEN))
    )
    changes: dict[int, list[tuple[str, datetime]]] = defaultdict(list)
    overrides: dict[int, list[tuple[datetime, str, str]]] = defaultdict(list)
    for row in connection.execute(query.order_by(table.log_id)):
        if row.kind == OVERRIDDEN:
            overrides[row.experiment_id].append((row.happened_at, row.detail["before"], row.detail["after"]))
        else:
            changes[row.experiment_id].append((row.kind, row.happened_at))
    return tuple(
        trial
        for each in found
        for trial in _trials_of(each, spans_of(changes[each.experiment_id]), overrides[each.experiment_id])
    )


def _trials_of(
    found: Experiment, spans: list[tuple[datetime, datetime | None]], overrides: list[tuple[datetime, str, str]]
) -> list[Trial]:
    """A test as members meet it: the newest decision for who comes after it, and before that what held before."""
    number, shares = found.experiment_id, found.plan.shares
    later = [Trial(number, found.step, shares, (), after, at) for at, _, after in reversed(overrides)]
    first = overrides[0][1] if overrides else found.winner
    return [*later, Trial(number, found.step, shares, spans, first, found.decided_at)]


def spans_of(changes: Sequence[tuple[str, datetime]]) -> list[tuple[datetime, datetime | None]]:
    """When a test took people in, from its changes of status in their order."""
    spans: list[tuple[datetime, datetime | None]] = []
    since: datetime | None = None
    for status, at in changes:
        if status in TAKES:
            since = since or at
        elif since is not None:
            spans.append((since, at))
            since = None
    return spans if since is None else [*spans, (since, None)]


def _tests_of(connection: Connection, journey_key: str, statuses: Sequence[str] = ()) -> list[Experiment]:
    table = experiments.c
    is_it = table.status.in_(statuses) if statuses else table.status != DRAFT
    found = read_experiments(connection, table.journey == journey_key, is_it)
    return sorted(found, key=lambda each: -each.experiment_id)


def note_exposed(connection: Connection, journey_key: str, exposures: Sequence[Exposure]) -> None:
    """Write down who came into a test, each person once for ever, inside the caller's transaction."""
    rows = [
        {"experiment_id": each.experiment_id, "visitor": f"person:{each.person_id}", "arm": each.arm,
         "page": f"journey:{journey_key}", "seen_at": each.at, "form": "", "revision": 1, "exported_revision": 0}
        for each in exposures
    ]  # fmt: skip
    for batch in chunks(rows):
        connection.execute(upsert(connection, experiment_visitors).on_conflict_do_nothing(), batch)


# -- what they did ---------------------------------------------------------------------------------------------------


def count_members(
    connection: Connection, experiment: Experiment, plan: TestPlan, kinds: Mapping[str, Sequence[str]],
    passed: Sequence[str],
) -> tuple[dict[str, int], dict[str, dict[str, Moments]]]:  # fmt: skip
    """People of a test inside a journey by arm, with those of them who did something with a message after the split.

    Args:
        connection: the store.
        experiment: which test.
        plan: the one that runs.
        kinds: metric -> the marks that make it.
        passed: states of messages that count.
    """
    table = experiment_visitors.c
    query = sa.select(table.arm, sa.func.count().label("people")).where(table.experiment_id == experiment.experiment_id)
    people = {row.arm: int(row.people) for row in connection.execute(query.group_by(table.arm))}
    assigned = {arm: people.get(arm, 0) for arm in plan.arm_keys}
    moments: dict[str, dict[str, Moments]] = {arm: {} for arm in plan.arm_keys}
    for metric, marks in kinds.items():
        hits = _count_reacted(connection, experiment, plan, marks, passed)
        for arm, count in assigned.items():
            moments[arm][metric] = Moments.of_proportion(count, min(hits.get(arm, 0), count))
    return assigned, moments


def _count_reacted(
    connection: Connection, experiment: Experiment, plan: TestPlan, marks: Sequence[str], passed: Sequence[str]
) -> dict[str, int]:
    entries, table = ledger_entries.c, message_marks.c
    query = sa.select(entries.variant, sa.func.count(sa.distinct(entries.person_id)).label("people"))
    query = query.join(message_marks, table.message_id == entries.message_id).where(
        entries.programme == experiment.programme, entries.variant.in_(plan.arm_keys), table.kind.in_(marks),
        entries.state.in_(passed),
    )  # fmt: skip
    return {row.variant: int(row.people) for row in connection.execute(query.group_by(entries.variant))}
