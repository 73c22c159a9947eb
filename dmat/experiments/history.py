"""What happened before a test, from which its size and length follow: rates, spread, how fast people react.

Belongs here: reading the published history of a group of people. Stays out: power (`power.py`), who is in the group
(`dmat/segments`).

The unit is the person, as in a test: of reactions to messages the last message of each person in the period counts; of
orders each person is looked at over a window as long as that of the plan, at the end of the period. A history of fewer
than `FEWEST` people is said to be none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from dmat.errors import InvalidInputError, NotPublishedError
from dmat.experiments.assign import Ids
from dmat.experiments.metrics import find_metric
from dmat.warehouse import Workspace

FEWEST = 30
LONGEST_DAYS = 730
SHARE_OF_REACTIONS = 0.9
EVENTS = {
    "open_human": "e.event_type = 'opened' and not e.is_machine", "open_raw": "e.event_type = 'opened'",
    "read": "e.event_type = 'read'", "click": "e.event_type = 'clicked' and not e.is_machine",
    "reply": "e.event_type = 'replied'", "unsubscribe": "e.event_type = 'unsubscribed'",
    "complaint": "e.event_type = 'complained'",
}  # fmt: skip
_LAST_MESSAGES = """
    select person_id, arg_max(message_id, accepted_at) as message_id, max(accepted_at) as accepted_at
    from deliveries.fct_messages
    where accepted_at >= ? and accepted_at < ? and purpose <> 'transactional'
        and (? or person_id in (select person_id from asked))
    group by person_id
"""
_REACTIONS = """
    with messages as ({messages}),
    reactions as (
        select m.person_id, epoch(min(e.occurred_at) - min(m.accepted_at)) / 3600.0 as hours
        from messages as m
        inner join engagement.fct_message_events as e on m.message_id = e.message_id
        where {event} group by m.person_id
    )
    select
        (select count(*) from messages), (select count(*) from reactions),
        (select quantile_cont(greatest(hours, 0), {share}) from reactions)
"""
_ORDERS = """
    with people as (
        select person_id from people.dim_people where (? or person_id in (select person_id from asked))
    ),
    spent as (
        select
            o.person_id,
            count(*) filter (where o.ordered_at >= ?) as orders,
            coalesce(sum(o.net_cents) filter (where o.ordered_at >= ?), 0)::double as cents,
            count(*) filter (where o.ordered_at < ?)::double as orders_before,
            coalesce(sum(o.net_cents) filter (where o.ordered_at < ?), 0)::double as cents_before
        from commerce.fct_orders as o
        inner join people using (person_id)
        where o.ordered_at >= ? and o.ordered_at < ? and o.status not in ('cancelled', 'credit_note', 'adjustment')
        group by o.person_id
    )
    select (select count(*) from people), count(*) filter (where orders > 0),
        sum(cents), sum(cents * cents), sum(orders), sum(orders::double * orders), sum(cents * orders),
        sum(orders_before), sum(orders_before * orders_before), sum(cents_before), sum(cents_before * cents_before),
        sum((orders > 0)::integer * orders_before), sum(cents * cents_before)
    from spent
"""
_FORMS = """
    with visits as (
        select client_id, min(started_at) as came_at from engagement.fct_visits
        where started_at >= ? and started_at < ? and (? or person_id in (select person_id from asked))
        group by client_id
    )
    select count(*), count(*) filter (where exists (
        select 1 from engagement.fct_form_submissions as f
        where f.client_id = v.client_id and f.submitted_at >= v.came_at
    )), null
    from visits as v
"""


@dataclass(frozen=True)
class Baseline:
    """What the people of a group did in the time before.

    Attributes:
        people: how many the figures are over.
        rate: share of people who did it, or mean a person (money in cents); None when too few are known.
        sd: standard deviation between people.
        people_per_hour: how many of the group come by an hour: people written to, or visitors.
        hours_to_react: within so many hours nine of ten reactions come; None for orders or when there are none.
        explained: share of the variance that goes with what people did before (what CUPED takes away); 0 when unknown.
        since: from when; `until` up to when.
    """

    metric: str
    people: int
    rate: float | None
    sd: float | None
    people_per_hour: float
    hours_to_react: float | None
    explained: float
    since: datetime
    until: datetime

    @property
    def is_known(self) -> bool:
        """Whether there is enough history to plan by."""
        return self.rate is not None


def baseline(
    workspace: Workspace, people: Ids | Sequence[int] | None, metric: str, days: int = 90, window_days: int = 7
) -> Baseline:
    """Rate and spread of a metric among some people in the days before the data end.

    Args:
        workspace: the published tables.
        people: numbers of the people; None means everybody.
        metric: key of a metric.
        days: how far back messages and visits are looked at.
        window_days: of orders: the window of the plan, at the end of which everybody is looked at.

    Raises:
        InvalidInputError: there is no such metric, or the days are not from 1 to 730.
    """
    key = find_metric(metric).key
    for name, value in (("days", days), ("window_days", window_days)):
        if not 1 <= value <= LONGEST_DAYS:
            raise InvalidInputError(name, f"{value} days", f"1 to {LONGEST_DAYS}")
    try:
        until = workspace.version.data_as_of
    except NotPublishedError:
        until = workspace.settings.clock.now()
        return _unknown(key, until - timedelta(days=days), until, 0)
    since = until - timedelta(days=days)
    cursor = workspace.cursor()
    asked = np.asarray([] if people is None else people, np.int64)
    cursor.register("asked", pa.table({"person_id": asked}))
    try:
        if key in ("conversion", "revenue", "order_value"):
            return _of_orders(cursor, key, people is None, since, until, window_days)
        return _of_reactions(cursor, key, people is None, since, until)
    except (duckdb.CatalogException, duckdb.BinderException):  # built before there were such tables or columns
        return _unknown(key, since, until, 0)
    finally:
        cursor.unregister("asked")


def _of_reactions(
    cursor: duckdb.DuckDBPyConnection, metric: str, is_everybody: bool, since: datetime, until: datetime
) -> Baseline:
    if metric == "form_completion":
        row = _one(cursor, _FORMS, [since, until, is_everybody])
    else:
        query = _REACTIONS.format(messages=_LAST_MESSAGES, event=EVENTS[metric], share=SHARE_OF_REACTIONS)
        row = _one(cursor, query, [since, until, is_everybody])
    people, hits, hours = int(row[0]), int(row[1]), row[2]
    if people < FEWEST:
        return _unknown(metric, since, until, people)
    rate = hits / people
    return Baseline(
        metric=metric, people=people, rate=rate, sd=math.sqrt(rate * (1 - rate)),
        people_per_hour=people / _hours(since, until), hours_to_react=None if hours is None else float(hours),
        explained=0.0, since=since, until=until,
    )  # fmt: skip


def _of_orders(
    cursor: duckdb.DuckDBPyConnection, metric: str, is_everybody: bool, since: datetime, until: datetime, window: int
) -> Baseline:
    begin = until - timedelta(days=window)
    earliest = begin - timedelta(days=90)
    row = _one(cursor, _ORDERS, [is_everybody, begin, begin, begin, begin, earliest, until])
    people, buyers = int(row[0]), int(row[1])
    if people < FEWEST:
        return _unknown(metric, since, until, people)
    cents, cents2, orders, orders2, product, before, before2, spent, spent2, yes_before, cents_before = (
        float(value or 0) for value in row[2:]
    )
    if metric == "conversion":
        mean, variance = buyers / people, buyers / people * (1 - buyers / people)
        explained = _explained(people, buyers, buyers, before, before2, yes_before)
    elif metric == "revenue":
        mean, variance = cents / people, _variance(people, cents, cents2)
        explained = _explained(people, cents, cents2, spent, spent2, cents_before)
    else:
        if not orders:
            return _unknown(metric, since, until, people)
        mean, explained = cents / orders, 0.0
        variance = _ratio_variance(people, mean, orders, (cents2, orders2, product))
    written = _one(cursor, f"select count(*) from ({_LAST_MESSAGES})", [since, until, is_everybody])
    return Baseline(
        metric=metric, people=people, rate=mean, sd=math.sqrt(max(variance, 0.0)),
        people_per_hour=int(written[0]) / _hours(since, until), hours_to_react=None, explained=explained, since=since,
        until=until,
    )  # fmt: skip


def _variance(n: int, total: float, squares: float) -> float:
    return max(0.0, (squares - total * total / n) / (n - 1))


def _explained(n: int, total: float, squares: float, before: float, before2: float, product: float) -> float:
    """Squared correlation of what people did in the window and before it (Deng et al. 2013, CUPED)."""
    one, other = _variance(n, total, squares), _variance(n, before, before2)
    covariance = (product - total * before / n) / (n - 1)
    return min(1.0, covariance * covariance / (one * other)) if one > 0 and other > 0 else 0.0


def _ratio_variance(n: int, ratio: float, below: float, sums: tuple[float, float, float]) -> float:
    """Variance between people of a ratio of sums, by the delta method: var(y - r x) / mean(x)^2."""
    yy, xx, xy = sums
    spread = (yy - 2 * ratio * xy + ratio * ratio * xx) / (n - 1)  # the mean of y - r x is 0
    return spread / (below / n) ** 2


def _unknown(metric: str, since: datetime, until: datetime, people: int) -> Baseline:
    per_hour = people / _hours(since, until)
    return Baseline(metric, people, None, None, per_hour, None, 0.0, since, until)


def _hours(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds() / 3600


def _one(cursor: duckdb.DuckDBPyConnection, query: str, parameters: list[Any]) -> tuple[Any, ...]:
    row = cursor.execute(query, parameters).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without groups gives a row
    return tuple(row)
