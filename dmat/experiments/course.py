"""The course of a test over time, for bands that are honest at every look: cumulative sums at some moments.

Belongs here: putting hours of the live counters and days of the tables one after the other. Stays out: what has been
seen up to now (`observed.py`), intervals (`sequential.py`).

An hour knows how many messages of an arm were accepted and how many people reacted for the first time; a metric that
only the tables know (orders) steps at the end of each day. The last point is what `observe` gives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.experiments.in_journeys import tested_steps
from dmat.experiments.moments import Moments
from dmat.experiments.observed import FROM_TABLES, KINDS, Place, observe, place_of, running_plan
from dmat.experiments.plan import TestPlan
from dmat.experiments.published import cumulated, end_of, read_days
from dmat.experiments.records import Experiment
from dmat.store.engine import Store
from dmat.store.experiment_tables import experiment_visitors
from dmat.store.tables import counters_hourly
from dmat.warehouse import Workspace

ACCEPTED = "accepted"
HOUR = timedelta(hours=1)


class Point(NamedTuple):
    """Everything seen of a test up to a moment."""

    at: datetime
    assigned: Mapping[str, int]
    moments: Mapping[str, Mapping[str, Moments]]


Steps = dict[datetime, dict[tuple[str, str], int]]
"""End of an hour -> (arm, metric or `accepted`) -> people who are new in that hour."""


def course(store: Store, workspace: Workspace, experiment: Experiment, points: int = 40) -> tuple[Point, ...]:
    """Cumulative sums of the primary metric and the guardrails, the oldest point first.

    Args:
        store: the store.
        workspace: the published tables.
        experiment: the test.
        points: how many at most; they are spread evenly, and the last one is always there.

    Returns:
        nothing before anybody is in the test.
    """
    plan = running_plan(store, experiment)
    metrics = tuple(dict.fromkeys((plan.primary, *plan.guardrails)))
    with store.read() as connection:
        steps = _read_steps(connection, experiment, plan)
    days = {end_of(day): sums for day, sums in cumulated(read_days(workspace, experiment.experiment_id)).items()}
    now = workspace.settings.clock.now()
    moments = _thinned(sorted(at for at in {*steps, *days} if at < now), points - 1)
    live = _cumulate(steps, moments)
    found = [_point(at, plan.arm_keys, metrics, live[at], _newest(days, at)) for at in moments]
    last = observe(store, workspace, experiment)
    if not any(last.assigned.values()):
        return ()
    chosen = {arm: {metric: last.moments[arm][metric] for metric in metrics} for arm in plan.arm_keys}
    return (*found, Point(now, last.assigned, chosen))


def _read_steps(connection: Connection, experiment: Experiment, plan: TestPlan) -> Steps:
    if experiment.journey:
        return _steps_of_members(connection, experiment, plan)
    if experiment.campaign_id is None:
        return _steps_of_visitors(connection, experiment.experiment_id)
    return _steps_of_messages(connection, place_of(experiment, plan))


def _steps_of_members(connection: Connection, experiment: Experiment, plan: TestPlan) -> Steps:
    """People who came into a test inside a journey, and reactions to the messages after its split."""
    messages = tested_steps(connection, experiment.journey, experiment.step)
    reached = _steps_of_visitors(connection, experiment.experiment_id)
    reactions = _steps_of_messages(connection, Place(experiment.programme, messages, plan.arm_keys, ()))
    for hour, counts in reactions.items():
        reached[hour] = {key: n for key, n in counts.items() if key[1] != ACCEPTED} | reached.get(hour, {})
    return reached


def _steps_of_messages(connection: Connection, place: Place) -> Steps:
    table = counters_hourly.c
    names = {kinds[-1]: metric for metric, kinds in KINDS.items() if metric != "open_raw"}
    names |= {"opened_human": "open_human", ACCEPTED: ACCEPTED}
    query = sa.select(table.hour, table.variant, table.kind, sa.func.sum(table.count).label("people")).where(
        table.programme == place.programme, table.step.in_(place.steps), table.variant.in_(place.arms),
        table.kind.in_(list(names)),
    )  # fmt: skip
    steps: Steps = defaultdict(dict)
    for row in connection.execute(query.group_by(table.hour, table.variant, table.kind)):
        steps[row.hour + HOUR][(row.variant, names[row.kind])] = int(row.people)
    return steps


def _steps_of_visitors(connection: Connection, experiment_id: int) -> Steps:
    table = experiment_visitors.c
    query = sa.select(table.arm, table.seen_at, table.clicked_at, table.completed_at)
    steps: Steps = defaultdict(lambda: defaultdict(int))
    for row in connection.execute(query.where(table.experiment_id == experiment_id)):
        moments: dict[str, datetime | None] = {
            ACCEPTED: row.seen_at, "click": row.clicked_at, "form_completion": row.completed_at
        }  # fmt: skip
        for metric, at in moments.items():
            if at is not None:
                steps[at.replace(minute=0, second=0, microsecond=0) + HOUR][(row.arm, metric)] += 1
    return steps


def _thinned(moments: Sequence[datetime], most: int) -> list[datetime]:
    if len(moments) <= most:
        return list(moments)
    return [moments[round(place * (len(moments) - 1) / max(most - 1, 1))] for place in range(most)]


def _cumulate(steps: Steps, wanted: Iterable[datetime]) -> dict[datetime, dict[tuple[str, str], int]]:
    total: dict[tuple[str, str], int] = defaultdict(int)
    waiting, found = sorted(steps), {}
    for at in wanted:
        while waiting and waiting[0] <= at:
            for key, people in steps[waiting.pop(0)].items():
                total[key] += people
        found[at] = dict(total)
    return found


def _newest(
    days: Mapping[datetime, Mapping[str, Mapping[str, Moments]]], at: datetime
) -> Mapping[str, Mapping[str, Moments]]:
    known = [day for day in days if day <= at]
    return days[max(known)] if known else {}


def _point(
    at: datetime, arms: Sequence[str], metrics: Sequence[str], live: Mapping[tuple[str, str], int],
    tables: Mapping[str, Mapping[str, Moments]],
) -> Point:  # fmt: skip
    none = Moments(0, 0, 0)
    assigned = {arm: live.get((arm, ACCEPTED), 0) for arm in arms}
    moments = {}
    for arm in arms:
        known = tables.get(arm, {})
        moments[arm] = {
            metric: known.get(metric, none)
            if metric in FROM_TABLES or metric == "open_raw"
            else Moments.of_proportion(assigned[arm], min(live.get((arm, metric), 0), assigned[arm]))
            for metric in metrics
        }
    return Point(at, assigned, moments)
