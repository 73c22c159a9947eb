"""Do the figures of tests agree? The store with the tables, exposures with messages, daily sums with people.

Belongs here: comparing what two places say of the same test. Stays out: Dagster (`assets.py`), and repairing.
"""

from __future__ import annotations

from dmat.experiments.exporting import unexported_experiments, unexported_visitors
from dmat.experiments.in_journeys import count_members
from dmat.experiments.moments import Moments
from dmat.experiments.observed import (
    KINDS,
    ON_THE_PAGE,
    PASSED,
    count_hits,
    count_people,
    count_visitors,
    place_of,
    running_plan,
)
from dmat.experiments.published import read_moments
from dmat.experiments.records import Experiment, read_experiments
from dmat.store import Store
from dmat.store.experiment_tables import experiments
from dmat.warehouse import Workspace
from dmat_pipelines.evaluate.reconcile import Finding, waiting_count

NOBODY = Moments(0, 0, 0)
_FROM_PEOPLE = """
    with outcomes as (
        select experiment_id, arm, metric, unit_id, sum(value) as outcome
        from experiments.fct_outcomes where is_counted group by all
    )
    select experiment_id, metric, sum(outcome) as total, sum(outcome::double * outcome) as squares
    from outcomes group by all
"""
_FROM_DAYS = """
    select experiment_id, metric, sum(outcome_sum) as total, sum(outcome_squared_sum) as squares,
        sum(people_count) as people_count
    from experiments.daily_moments where metric <> 'order_value' group by all
"""
_PEOPLE = "select experiment_id, count(*) as people_count from experiments.fct_exposures where is_counted group by all"
_MERGED = """
    select variant, count(*) - count(distinct (person_id, step)) as messages_count from deliveries.fct_messages
    where programme = ? and variant <> '' group by variant
"""


def compare_sums_with_people(view: Workspace) -> Finding:
    """Daily sums, added up, against sums over people: exposures, outcomes and their squares of every test."""
    people: dict[int, int] = {row["experiment_id"]: row["people_count"] for row in view.rows(_PEOPLE)}
    found = {(row["experiment_id"], row["metric"]): row for row in view.rows(_FROM_PEOPLE)}
    numbers: dict[str, tuple[int, int]] = {}
    for row in view.rows(_FROM_DAYS):
        key = (row["experiment_id"], row["metric"])
        known = found.get(key, {"total": 0, "squares": 0})
        name = f"test {key[0]}, {key[1]}"
        numbers[f"{name}: people"] = (int(row["people_count"]), people.get(key[0], 0))
        numbers[f"{name}: sum"] = (int(row["total"]), int(known["total"]))
        numbers[f"{name}: squares"] = (round(row["squares"]), round(known["squares"]))
    return Finding(numbers)


def compare_live_figures(store: Store, view: Workspace) -> Finding:
    """People and reactions of every test that has begun: live in the store against the tables, by arm."""
    numbers: dict[str, tuple[int, int]] = {}
    with store.read() as connection:
        begun = read_experiments(connection, experiments.c.running_version.is_not(None))
    for experiment in begun:
        numbers |= _compare_one(store, view, experiment)
    return Finding(numbers, waiting_count(store) + _unexported(store))


def _compare_one(store: Store, view: Workspace, experiment: Experiment) -> dict[str, tuple[int, int]]:
    tables, live = read_moments(view, experiment.experiment_id), _live(store, experiment)
    merged = {row["variant"]: int(row["messages_count"]) for row in view.rows(_MERGED, [experiment.programme])}
    numbers = {}
    for arm, of_arm in live.items():
        for metric, (people, hits) in of_arm.items():
            known = tables.get(arm, {}).get(metric, NOBODY)
            name = f"test {experiment.experiment_id}, {arm}, {metric}"
            numbers[f"{name}: people"] = _explained(people, int(known.n), merged.get(arm, 0))
            numbers[f"{name}: hits"] = _explained(hits, int(known.y), merged.get(arm, 0))
    return numbers


def _explained(live: int, tables: int, merged: int) -> tuple[int, int]:
    """Both numbers; equal when people who turned out to be one since are what is between them."""
    return (tables, tables) if 0 <= live - tables <= merged else (live, tables)


def _live(store: Store, experiment: Experiment) -> dict[str, dict[str, tuple[int, int]]]:
    """Arm -> metric -> (people, those of them who did it)."""
    plan = running_plan(store, experiment)
    with store.read() as connection:
        if experiment.journey:
            people, sums = count_members(connection, experiment, plan, KINDS, PASSED)
            hits = {metric: {arm: int(sums[arm][metric].y) for arm in sums} for metric in KINDS}
        elif experiment.campaign_id is None:
            people, sums = count_visitors(connection, experiment.experiment_id, plan.arm_keys)
            hits = {metric: {arm: int(sums[arm][metric].y) for arm in sums} for metric in ON_THE_PAGE}
        else:
            place = place_of(experiment, plan)
            _, people = count_people(connection, place)
            hits = {metric: count_hits(connection, place, kinds) for metric, kinds in KINDS.items()}
    return {arm: {metric: (people[arm], found.get(arm, 0)) for metric, found in hits.items()} for arm in plan.arm_keys}


def _unexported(store: Store) -> int:
    return len(unexported_experiments(store, 1)) + len(unexported_visitors(store, 1))
