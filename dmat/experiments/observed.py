"""What has been seen of a test up to now: people by arm, and the sums of each metric that the statistics take.

Belongs here: counting people of the test live in the store, and putting beside them what only the tables know (orders,
what people did before). Stays out: inference (`analysis.py`), which order counts (`dbt`), the course over time
(`course.py`), keeping a moment for ever (`snapshots.py`).

People are counted by intention to treat: everybody whose message passed the gate, in the arm assigned, whatever became
of it. Where the arms may be treated differently by the gate (send times, frequency), those whom it stopped count too.
Inside a journey everybody who reached the split counts.
Messages and reactions are of this moment; orders are as of the published data. Machine opens count only in `open_raw`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.records import programme_of
from dmat.experiments.exporting import COUNTS_EVERYBODY
from dmat.experiments.in_journeys import count_members
from dmat.experiments.moments import Moments
from dmat.experiments.plan import TestPlan
from dmat.experiments.published import read_health, read_moments
from dmat.experiments.records import TEST, Experiment, Wave, plan_of_version, waves_of
from dmat.experiments.results import Observed
from dmat.ledger.entries import ACCEPTED, AMBIGUOUS, DELIVERED, EXPIRED, HELD_OUT, REJECTED, SUPPRESSED
from dmat.store.engine import Store
from dmat.store.experiment_tables import experiment_visitors
from dmat.store.tables import counters, ledger_entries, message_marks
from dmat.warehouse import Workspace

PASSED = (ACCEPTED, DELIVERED, REJECTED, AMBIGUOUS, HELD_OUT)
STOPPED = (SUPPRESSED, EXPIRED)
KINDS: Mapping[str, tuple[str, ...]] = {
    "open_human": ("opened_human",), "open_raw": ("opened_human", "opened_machine"), "read": ("read",),
    "click": ("clicked_human",), "reply": ("replied",), "unsubscribe": ("unsubscribed",),
    "complaint": ("complained",),
}  # fmt: skip
"""Metric of a message -> the marks that make it."""
ON_THE_PAGE = ("click", "form_completion")
FROM_TABLES = ("conversion", "revenue", "order_value")
SECONDS_AN_HOUR = 3600


@dataclass(frozen=True)
class Place:
    """Where the messages of a test are, and who counts.

    Attributes:
        programme: in the ledger.
        steps: of it; with several, a person has several messages and counts once.
        arms: keys of the arms; the ledger has them as variants.
        counted: states in which a person counts.
    """

    programme: str
    steps: tuple[str, ...]
    arms: tuple[str, ...]
    counted: tuple[str, ...]


def observe(store: Store, workspace: Workspace, experiment: Experiment) -> Observed:
    """What has been seen of a test up to now.

    Raises:
        NotFoundError: its plan is gone.
    """
    plan = running_plan(store, experiment)
    tables = read_moments(workspace, experiment.experiment_id)
    with store.read() as connection:
        if experiment.journey:
            wanted = {metric: KINDS[metric] for metric in wanted_metrics(plan)}
            assigned, live = count_members(connection, experiment, plan, wanted, PASSED)
        elif experiment.campaign_id is None:
            assigned, live = count_visitors(connection, experiment.experiment_id, plan.arm_keys)
        else:
            assigned, live = _count_messages(connection, place_of(experiment, plan), wanted_metrics(plan))
        waves = waves_of(connection, experiment.experiment_id) if plan.allocation == "bandit" else []
    health = read_health(workspace, experiment.experiment_id)
    return Observed(
        assigned=assigned, moments=_joined(plan.arm_keys, live, tables), looks=experiment.looks + 1,
        elapsed_hours=elapsed_hours(experiment, workspace.settings.clock.now()), crossovers=health.crossovers,
        early_conversions=health.early_conversions, carried_over=health.carried_over, settled=settled_people(live),
        expected=expected_people(waves),
    )  # fmt: skip


def running_plan(store: Store, experiment: Experiment) -> TestPlan:
    """The plan that runs; the newest before the start.

    Raises:
        NotFoundError: that version is gone.
    """
    if experiment.running_version in (None, experiment.version):
        return experiment.plan
    with store.read() as connection:
        return plan_of_version(connection, experiment.experiment_id, experiment.running_version or experiment.version)


def place_of(experiment: Experiment, plan: TestPlan) -> Place:
    """Where the messages of a test of a campaign are."""
    counted = (*PASSED, *STOPPED) if plan.kind in COUNTS_EVERYBODY else PASSED
    return Place(programme_of(experiment.campaign_id or 0), plan.steps, plan.arm_keys, counted)


def wanted_metrics(plan: TestPlan) -> tuple[str, ...]:
    """Metrics of messages that are counted live: all that the counters have, and what the plan names."""
    named = {plan.primary, *plan.guardrails}
    return tuple(metric for metric in KINDS if metric != "open_raw" or metric in named)


def elapsed_hours(experiment: Experiment, now: datetime) -> float:
    """Hours since the first people were given an arm, until it was decided."""
    began = experiment.began_at or experiment.started_at
    until = experiment.decided_at or experiment.ended_at or now
    return max(0.0, (until - began).total_seconds() / SECONDS_AN_HOUR) if began else 0.0


def settled_people(live: Mapping[str, Mapping[str, Moments]]) -> dict[str, int]:
    """Arm -> people who count by now."""
    return {arm: int(next(iter(metrics.values())).n) for arm, metrics in live.items() if metrics}


def expected_people(waves: Iterable[Wave]) -> dict[str, float]:
    """Arm -> people that it was to get when shares changed from wave to wave: the sum of their propensities."""
    total: dict[str, float] = {}
    for wave in waves:
        for arm, share in wave.propensities.items() if wave.kind == TEST else ():
            total[arm] = total.get(arm, 0.0) + float(share) * sum(wave.arm_counts.values())
    return total


def _count_messages(
    connection: Connection, place: Place, metrics: Sequence[str]
) -> tuple[dict[str, int], dict[str, dict[str, Moments]]]:
    assigned, counted = count_people(connection, place)
    hits = {metric: count_hits(connection, place, KINDS[metric]) for metric in metrics}
    moments = {
        arm: {
            metric: Moments.of_proportion(counted[arm], min(found.get(arm, 0), counted[arm]))
            for metric, found in hits.items()
        }
        for arm in place.arms
    }
    return assigned, moments


def count_people(connection: Connection, place: Place) -> tuple[dict[str, int], dict[str, int]]:
    """(arm -> people assigned, arm -> people who count by now)."""
    table = ledger_entries.c
    person, counts = table.person_id, table.state.in_(place.counted)
    assigned = sa.func.count(sa.distinct(person)) if len(place.steps) > 1 else sa.func.count()
    counted = sa.func.count(sa.distinct(sa.case((counts, person)))) if len(place.steps) > 1 else _number_of(counts)
    query = sa.select(table.variant, assigned.label("assigned"), counted.label("counted"))
    rows = {row.variant: row for row in connection.execute(query.where(_of_test(place)).group_by(table.variant))}
    return (
        {arm: int(rows[arm].assigned) if arm in rows else 0 for arm in place.arms},
        {arm: int(rows[arm].counted) if arm in rows else 0 for arm in place.arms},
    )


def _number_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _of_test(place: Place) -> sa.ColumnElement[bool]:
    table = ledger_entries.c
    return sa.and_(
        table.programme == place.programme, table.step.in_(place.steps), table.variant.in_(place.arms)
    )  # fmt: skip


def count_hits(connection: Connection, place: Place, kinds: Sequence[str]) -> dict[str, int]:
    """Arm -> people with a message to which one of these happened.

    Of one step and one kind the live counters have it; else marks are counted by person.
    """
    if len(place.steps) == 1 and len(kinds) == 1:
        table = counters.c
        query = sa.select(table.variant, sa.func.sum(table.count).label("people")).where(
            table.programme == place.programme, table.step == place.steps[0], table.variant.in_(place.arms),
            table.kind == kinds[0],
        )  # fmt: skip
        return {row.variant: int(row.people) for row in connection.execute(query.group_by(table.variant))}
    entries, marks = ledger_entries.c, message_marks.c
    joined = sa.select(entries.variant, sa.func.count(sa.distinct(entries.person_id)).label("people"))
    joined = joined.join(message_marks, marks.message_id == entries.message_id).where(
        _of_test(place), marks.kind.in_(kinds), entries.state.in_(place.counted)
    )
    return {row.variant: int(row.people) for row in connection.execute(joined.group_by(entries.variant))}


def count_visitors(
    connection: Connection, experiment_id: int, arms: Sequence[str]
) -> tuple[dict[str, int], dict[str, dict[str, Moments]]]:
    """Visitors of a tested page by arm, with those who clicked and those who sent the form."""
    table = experiment_visitors.c
    query = sa.select(
        table.arm, sa.func.count().label("people"), sa.func.count(table.clicked_at).label("click"),
        sa.func.count(table.completed_at).label("form_completion"),
    ).where(table.experiment_id == experiment_id)  # fmt: skip
    rows = {row.arm: row._asdict() for row in connection.execute(query.group_by(table.arm))}
    assigned = {arm: int(rows[arm]["people"]) if arm in rows else 0 for arm in arms}
    moments = {
        arm: {
            metric: Moments.of_proportion(assigned[arm], int(rows[arm][metric]) if arm in rows else 0)
            for metric in ON_THE_PAGE
        }
        for arm in arms
    }
    return assigned, moments


def _joined(
    arms: Sequence[str], live: Mapping[str, Mapping[str, Moments]], tables: Mapping[str, Mapping[str, Moments]]
) -> dict[str, dict[str, Moments]]:
    """Live sums, with those of the tables for what only they have.

    Where the tables say the same of a metric in every arm, theirs are taken: they know what people did before, which
    makes intervals narrower.
    """
    found: dict[str, dict[str, Moments]] = {arm: {} for arm in arms}
    for metric in {key for of_arm in live.values() for key in of_arm} | set(FROM_TABLES):
        known = {arm: tables.get(arm, {}).get(metric) for arm in arms}
        now = {arm: live.get(arm, {}).get(metric) for arm in arms}
        is_same = all(_agree(now[arm], known[arm]) for arm in arms)
        for arm in arms:
            best = known[arm] if is_same or now[arm] is None else now[arm]
            found[arm][metric] = best or Moments(0, 0, 0)
    return found


def _agree(live: Moments | None, tables: Moments | None) -> bool:
    return live is not None and tables is not None and (live.n, live.y) == (tables.n, tables.y)
