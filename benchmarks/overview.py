"""How long the figures of the overview take: key figures with the period before, their course, the campaigns.

`screens.overview_p95_ms`: from the question until the whole answer, with nothing kept from before (each round asks for
other days), over a published company with five messages a person. The baseline is the key figures asked for one by
one, so the ratio says what one scan a base saves. Checked: messages, revenue and visits equal plain SQL of the same
days.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta

from benchmarks.measure import Row, measured, percentile
from benchmarks.workspace import END, built, run_build
from dmat.metrics.asking import ask
from dmat.metrics.overviews import KEY_FIGURES, overview
from dmat.metrics.question import Question
from dmat.settings import Settings
from dmat.warehouse import Workspace, publish, writer, writer_lock

ROUNDS, ALONE_ROUNDS = 21, 5
GOAL_MS = 300.0
MESSAGES = """
    insert into deliveries.fct_messages by name
    select
        people.person_id || '-' || part as message_id, people.person_id, 'campaign:' || (part % 20) as programme,
        1 as programme_version, 'mail' as step, '' as occurrence, 'email' as channel, '' as variant,
        'marketing' as purpose, 0 as priority, 'delivered' as state, '' as reason, false as is_holdout,
        sent.at as planned_at, sent.at as accepted_at, sent.at as delivered_at,
        case when hash(people.person_id, part) % 10 < 3 then sent.at end as first_opened_at,
        case when hash(people.person_id, part) % 100 < 4 then sent.at end as first_clicked_at,
        'sandbox' as provider, sent.at as updated_at, people.person_id || '-' || part as record_id, 0 as _build
    from people.dim_people as people
    cross join range(5) as parts (part)
    cross join lateral (
        select timestamp '{end}' - to_seconds(hash(people.person_id, part, 1) % 15552000) as at
    ) as sent
"""


def run(people: int, size: str) -> list[Row]:
    """Build a workspace, add messages, ask for the overview of other days again and again."""
    settings = built(f"overview-{size}", people)
    with writer(settings) as connection:
        connection.execute(MESSAGES.format(end=END))
    sums = run_build(settings, "--select", "hourly_messages", "--full", "--without-tests")
    assert sums.wait() == 0, "the sums by the hour could not be built"
    with writer_lock(settings):
        publish(settings)
    view = Workspace(settings)
    _check(view, settings)
    overview(view, settings, _asked(0))  # the first one opens the file
    with measured() as cost:
        whole = [_seconds(lambda back=back: overview(view, settings, _asked(back))) for back in range(1, ROUNDS + 1)]
    alone = [_seconds(lambda back=back: _one_by_one(view, settings, back)) for back in range(1, ALONE_ROUNDS + 1)]
    return [
        Row(
            "screens.overview_p95_ms", size, percentile(whole, 0.95) * 1000, "ms", goal=GOAL_MS,
            baseline="each figure by itself", ratio=percentile(alone, 0.5) / percentile(whole, 0.5),
            cpu_s=cost.cpu_s / ROUNDS, peak_rss_mb=cost.peak_rss_mb, rounds=ROUNDS, checked=True,
        )
    ]  # fmt: skip


def _asked(back: int, metrics: tuple[str, ...] = ("sent",)) -> Question:
    until = END.date() + timedelta(days=1 - back)
    return Question(metrics=metrics, since=until - timedelta(days=30), until=until, compare="previous")


def _one_by_one(view: Workspace, settings: Settings, back: int) -> None:
    for key in KEY_FIGURES:
        ask(view, settings, _asked(back, (key,)))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _check(view: Workspace, settings: Settings) -> None:
    """The figures of one range of days against plain SQL."""
    question = _asked(3)
    totals = overview(view, settings, question).figures.totals
    plain = {
        "sent": ("deliveries.fct_messages", "count(*)", "accepted_at"),
        "visits": ("engagement.fct_visits", "count(*)", "started_at"),
        "revenue": ("commerce.fct_orders", "sum(case when currency_code = 'EUR' then net_cents end)", "ordered_at"),
    }
    since, until = (_midnight(day) for day in question.days)
    for key, (table, figure, at) in plain.items():
        query = f"select {figure} as figure from {table} where {at} >= {since} and {at} < {until}"
        expected = int(view.rows(query)[0]["figure"])
        assert totals[key] == expected > 0, f"{key}: {totals[key]} is not {expected}"


def _midnight(day: date) -> str:
    return f"timestamp '{day} 00:00:00'"
