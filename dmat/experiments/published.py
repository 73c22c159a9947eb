"""Sums of a test as the published tables have them: by day, with what people did before the test.

Belongs here: reading `experiments.daily_moments` and what exposures say of health. Stays out: making them (`dbt`), and
what the store knows live (`observed.py`).

A workspace that has published nothing, or was built before there were tests, has no sums: that is no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from dmat.errors import NotPublishedError
from dmat.experiments.moments import Moments
from dmat.warehouse import Workspace

MomentsOf = Mapping[str, Mapping[str, Moments]]
"""arm -> metric -> sums over the people of the arm."""

_SUMS = """
    select {day} as moment_date, arm, metric,
        sum(people_count), sum(outcome_sum), sum(outcome_squared_sum), sum(base_sum), sum(base_squared_sum),
        sum(base_product_sum), sum(covariate_sum), sum(covariate_squared_sum), sum(product_sum)
    from experiments.daily_moments
    where experiment_id = ? and moment_date <= ?
    group by 1, 2, 3 order by 1, 2, 3
"""
_HEALTH = """
    select
        count(*) filter (where arms_count > 1) as crossovers,
        count(*) filter (where exists (
            select 1 from commerce.fct_orders as o
            where o.person_id = e.person_id and o.ordered_at >= e.assigned_at and o.ordered_at < e.exposed_at
        )) as early_conversions,
        count(*) filter (where exists (
            select 1 from experiments.fct_exposures as other
            where other.person_id = e.person_id and other.experiment_id <> e.experiment_id and other.is_counted
                and other.exposed_at < e.assigned_at
                and other.exposed_at + to_days(other.conversion_days) > e.assigned_at
        )) as carried_over
    from experiments.fct_exposures as e
    where e.experiment_id = ? and e.is_counted
"""
ALWAYS = date(9999, 12, 31)


@dataclass(frozen=True)
class Health:
    """What exposures say of the health of a test, in people.

    Attributes:
        crossovers: in more than one arm, as when two contacts turned out to be one person.
        early_conversions: ordered after the assignment and before the exposure.
        carried_over: within the window of another test when they came into this one.
    """

    crossovers: int = 0
    early_conversions: int = 0
    carried_over: int = 0


def read_moments(workspace: Workspace, experiment_id: int, until: date = ALWAYS) -> dict[str, dict[str, Moments]]:
    """Sums of all days up to one, that one included: arm -> metric -> sums; nothing when there are none."""
    found: dict[str, dict[str, Moments]] = {}
    for row in _fetch(workspace, _SUMS.format(day="null"), [experiment_id, until]):
        found.setdefault(row[1], {})[row[2]] = _moments(row)
    return found


def read_days(workspace: Workspace, experiment_id: int) -> dict[date, dict[str, dict[str, Moments]]]:
    """What each day adds: day -> arm -> metric -> sums, the oldest day first."""
    found: dict[date, dict[str, dict[str, Moments]]] = {}
    for row in _fetch(workspace, _SUMS.format(day="moment_date"), [experiment_id, ALWAYS]):
        found.setdefault(row[0], {}).setdefault(row[1], {})[row[2]] = _moments(row)
    return found


def read_health(workspace: Workspace, experiment_id: int) -> Health:
    """Crossovers, orders that came too early, people who were in another test."""
    rows = _fetch(workspace, _HEALTH, [experiment_id])
    return Health(*(int(count) for count in rows[0])) if rows else Health()


def published_at(workspace: Workspace) -> tuple[int | None, datetime | None]:
    """Number of the published version and up to when its data reach; None when nothing is published."""
    try:
        version = workspace.version
    except NotPublishedError:
        return None, None
    return version.number, version.data_as_of


def cumulated(days: Mapping[date, MomentsOf]) -> dict[date, dict[str, dict[str, Moments]]]:
    """Sums up to each day, from what each day adds."""
    total: dict[str, dict[str, Moments]] = {}
    found = {}
    for day in sorted(days):
        for arm, metrics in days[day].items():
            known = total.setdefault(arm, {})
            for metric, added in metrics.items():
                known[metric] = known[metric] + added if metric in known else added
        found[day] = {arm: dict(metrics) for arm, metrics in total.items()}
    return found


def end_of(day: date) -> datetime:
    """The first moment after a day."""
    return datetime(day.year, day.month, day.day) + timedelta(days=1)


def _moments(row: tuple[Any, ...]) -> Moments:
    n, y, yy, x, xx, xy, c, cc, yc = (float(value) for value in row[3:12])
    return Moments(n=n, y=y, yy=yy, x=x, xx=xx, xy=xy, c=c, cc=cc, yc=yc)


def _fetch(workspace: Workspace, query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    try:
        return workspace.cursor().execute(query, parameters).fetchall()
    except (NotPublishedError, duckdb.CatalogException):
        return []
