"""How fast experiments are summed up: ten outcomes a person, twenty tests with five arms, sixty days, nine metrics.

`experiments.moments_100m_s`: the sums of every test, arm and metric straight from the table of outcomes; the baseline
groups by the names of arms and metrics in place of their numbers, and is worked out in the same rounds.
`experiments.moments_read_ms`: one test's sums as a screen reads them, from the daily sums.
`experiments.moments_refresh_ms`: dbt brings the daily sums up to date after 10,000 new outcomes of the last day; with
`..._rebuild_s`, all of them from scratch, as the baseline. Checked: sums by number, by name and from days are equal.
`moments_100m_s` has its goal at the size 10m, which is 100 million outcomes; other sizes say how it grows.
"""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from typing import Any

from benchmarks.measure import Row, percentile
from benchmarks.workspace import END, fresh_settings
from dmat.experiments.published import read_moments
from dmat.landing import Record, land
from dmat.settings import Settings
from dmat.warehouse import Workspace, publish, writer, writer_lock
from dmat_pipelines.conform.runner import build

TESTS, ARMS, DAYS, EACH, NEW, ROUNDS = 20, "abcde", 60, 10, 10_000, 7
METRICS = ("open_human", "open_raw", "read", "click", "reply", "conversion", "revenue", "unsubscribe", "complaint")
_EXPOSURES = """
    insert into experiments.fct_exposures by name
    select
        1 + n % {tests} as experiment_id, n as unit_id, 'person' as unit_kind, n as person_id,
        {arms}[1 + (n // {tests}) % {arm_count}] as arm, 1 as arms_count, moment as assigned_at, moment as exposed_at,
        moment::date as exposed_date, true as is_counted, 7 as conversion_days, 'EUR' as currency_code,
        n % 3 as orders_before_count, n % 5003 as revenue_before_cents, n % 4 as opened_before_count,
        n % 2 as clicked_before_count, 1 as _build
    from (
        select n, timestamp '2026-01-01' + to_seconds(n * 86400.0 * {days} / {people}) as moment
        from range({people}) as r(n)
    )
"""
_OUTCOMES = """
    insert into experiments.fct_outcomes by name
    select
        1 + n % {tests} as experiment_id, n as unit_id, 'person' as unit_kind, n as person_id,
        {arms}[1 + (n // {tests}) % {arm_count}] as arm, 1 + (n // {tests}) % {arm_count} as arm_number,
        {metrics}[1 + i % {metric_count}] as metric, 1 + i % {metric_count} as outcome_number,
        case when i % {metric_count} = 6 then 'o' || i else '' end as order_id, moment as happened_at,
        moment::date as happened_date, case when i % {metric_count} = 6 then 1000 + i % 9973 else 1 end as value,
        0 as value_before, (i % {metric_count} = 6)::bigint as base, 0 as base_before, n % 7 as covariate,
        n % 101 <> 0 as is_counted, {build} as _build
    from (
        select
            i, i * 7919 % {people} as n,
            timestamp '2026-01-01' + to_days({from_day})
                + to_seconds((i - {first}) * 86400.0 * {days} / {count}) as moment
        from range({first}, {first} + {count}) as r(i)
    )
"""
_SUMS = """
    with sums as (
        select experiment_id, arm_number, outcome_number, sum(value) as total,
            sum(value::double * (value + 2 * value_before)) as squares, sum(value::double * covariate) as products
        from experiments.fct_outcomes where is_counted group by all
    )
    select experiment_id, arm, metric, total, squares, products
    from sums
    inner join experiments.dim_experiment_arms using (experiment_id, arm_number)
    inner join seeds.experiment_metrics using (outcome_number)
    where metric <> 'order_value' order by 1, 2, 3
"""
_BY_NAME = """
    select experiment_id, arm, metric, sum(value), sum(value::double * (value + 2 * value_before)),
        sum(value::double * covariate)
    from experiments.fct_outcomes where is_counted group by 1, 2, 3 order by 1, 2, 3
"""
_FROM_DAYS = """
    select experiment_id, arm, metric, sum(outcome_sum), sum(outcome_squared_sum), sum(product_sum)
    from experiments.daily_moments where metric in {metrics} group by 1, 2, 3
    having sum(outcome_sum) > 0 order by 1, 2, 3
"""


def plans() -> list[Record]:
    """The tests, as the store exports them."""
    arms = [{"key": arm, "name": arm, "share": 1 / len(ARMS), "is_control": arm == "a"} for arm in ARMS]
    at = datetime(2026, 1, 1)
    return [
        Record(
            str(number),
            at,
            {
                "experiment_id": number,
                "name": f"Test {number}",
                "kind": "content",
                "status": "running",
                "version": 1,
                "programme": f"campaign:{number}",
                "primary": "click",
                "conversion_days": 7,
                "currency_code": "EUR",
                "steps": [{"step": "mail"}],
                "arms": arms,
                "revision": 1,
            },
        )
        for number in range(1, TESTS + 1)
    ]


def fill(settings: Settings, people: int) -> None:
    """Everybody exposed and everything that they did, as builds of sixty days left it."""
    with writer(settings) as connection:
        land(connection, "experiment_plans", plans(), "bench", END)
    build(settings, select=["+daily_moments"], exclude_tests=True).require_ok()
    values = {"tests": TESTS, "arms": list(ARMS), "arm_count": len(ARMS), "days": DAYS, "people": people}
    with writer(settings) as connection:
        connection.execute(_EXPOSURES.format(**values))
    add_outcomes(settings, people, 0, EACH * people, build_number=1)


def add_outcomes(
    settings: Settings, people: int, first: int, count: int, build_number: int, days: float = DAYS, from_day: int = 0
) -> None:
    """Outcomes with these numbers, spread evenly over days."""
    values = {
        "tests": TESTS, "arms": list(ARMS), "arm_count": len(ARMS), "people": people, "metrics": list(METRICS),
        "metric_count": len(METRICS), "first": first, "count": count, "build": build_number, "days": days,
        "from_day": from_day,
    }  # fmt: skip
    with writer(settings) as connection:
        connection.execute(_OUTCOMES.format(**values))


def bring_up_to_date(settings: Settings, is_from_scratch: bool) -> float:
    """Seconds that the table of daily sums takes in a warm dbt."""
    report = build(settings, select=["daily_moments"], exclude_tests=True, full_refresh=is_from_scratch)
    return next(result.seconds for result in report.require_ok() if result.name == "daily_moments")


def sums_agree(settings: Settings) -> bool:
    """Whether sums of outcomes, by number and by name, and daily sums, added up, are the same."""
    with writer(settings) as connection:
        ways = [connection.execute(query).fetchall() for query in (_SUMS, _BY_NAME, _FROM_DAYS.format(metrics=METRICS))]
    return all(_are_equal(ways[0], other) for other in ways[1:])


def _are_equal(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> bool:
    return len(one) == len(other) == TESTS * len(ARMS) * len(METRICS) and all(
        a[:3] == b[:3] and all(abs(x - y) <= 1e-9 * abs(x) for x, y in zip(a[3:], b[3:], strict=True))
        for a, b in zip(one, other, strict=True)
    )


def time_sums(settings: Settings, rounds: int) -> dict[str, tuple[float, float]]:
    """Seconds and CPU seconds of summing up from outcomes in both ways, by turns; the median of the rounds."""
    found: dict[str, list[tuple[float, float]]] = {_SUMS: [], _BY_NAME: []}
    with writer(settings) as connection:
        for at_round in range(rounds + 1):
            for query, costs in found.items():
                wall, cpu = time.perf_counter(), time.process_time()
                connection.execute(query).fetchall()
                if at_round:  # the first one reads the disk
                    costs.append((time.perf_counter() - wall, time.process_time() - cpu))
    return {
        query: (percentile([wall for wall, _ in costs], 0.5), percentile([cpu for _, cpu in costs], 0.5))
        for query, costs in found.items()
    }


def run(people: int, size: str) -> list[Row]:
    """Ten outcomes for each of `people`."""
    settings = fresh_settings(f"moments-{size}")
    fill(settings, people)
    rebuild = bring_up_to_date(settings, is_from_scratch=True)
    right = sums_agree(settings)
    refreshes, first = [], EACH * people
    for round_number in range(ROUNDS):
        add_outcomes(settings, people, first, NEW, 2 + round_number, days=0.5, from_day=DAYS - 1)
        refreshes.append(1000 * bring_up_to_date(settings, is_from_scratch=False))
        first += NEW
    right = right and sums_agree(settings)
    costs = time_sums(settings, ROUNDS)
    (half, cpu), (_, cpu_by_name) = costs[_SUMS], costs[_BY_NAME]
    with writer_lock(settings):
        publish(settings)
    workspace, reads = Workspace(settings), []
    for _ in range(ROUNDS * 3):
        began = time.perf_counter()
        found = read_moments(workspace, 7)
        reads.append(1000 * (time.perf_counter() - began))
    right = right and set(found) == set(ARMS)
    shutil.rmtree(settings.home)  # 100 million outcomes are gigabytes
    name = "experiments.moments_100m_s" if size == "10m" else "experiments.moments_s"
    return [
        Row("experiments.moments_events", size, EACH * people, "outcomes", higher_is_better=True, checked=right),
        Row(
            name, size, half, "s", 3.0 if size == "10m" else None, baseline="by name, in CPU time",
            ratio=cpu_by_name / cpu, cpu_s=cpu, rounds=ROUNDS, checked=right,
        ),
        Row(
            "experiments.moments_refresh_ms", size, percentile(refreshes, 0.5), "ms", None, baseline="from scratch",
            ratio=1000 * rebuild / percentile(refreshes, 0.5), rounds=ROUNDS, checked=right,
        ),
        Row("experiments.moments_rebuild_s", size, rebuild, "s", checked=right),
        Row("experiments.moments_read_ms", size, percentile(reads, 0.5), "ms", None, baseline="from outcomes",
            ratio=1000 * half / percentile(reads, 0.5), rounds=len(reads), checked=right),
    ]  # fmt: skip
