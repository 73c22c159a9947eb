"""How long a monthly report takes, from its questions to the last page of its PDF.

`reports.monthly_pdf_s`: the shipped report `monthly-detail` over a published company: ten sections, three charts, what
moved, in a process that has made no chart before. Checked: its revenue is that of plain SQL over the same days.
"""

from __future__ import annotations

import time

from benchmarks.measure import Row, measured
from benchmarks.workspace import built
from dmat.metrics.asking import main_currency
from dmat.reports.library import find_report
from dmat.reports.making import Made, make_report
from dmat.reports.pdf import as_pdf
from dmat.settings import Settings
from dmat.store import open_store
from dmat.warehouse import Workspace, publish, writer_lock

GOAL_S = 10.0
ROUNDS = 7
_REVENUE = """
    select coalesce(sum(net_cents), 0) as cents from commerce.fct_orders
    where ordered_at >= ? and ordered_at < ? and currency_code = ?
"""


def run(people: int, size: str) -> list[Row]:
    """Build a workspace, then make its monthly report again and again."""
    settings = built(f"reports-{size}", people)
    with writer_lock(settings):
        publish(settings)
    store, view = open_store(settings), Workspace(settings)
    report = find_report(store, "monthly-detail")
    walls, files = [], []
    with measured() as cost:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            made = make_report(settings, store, view, report, "benchmark")
            files.append(as_pdf(settings, made))
            walls.append(time.perf_counter() - began)
    store.close()
    _check(settings, view, made, files)
    return [
        Row(
            "reports.monthly_pdf_s", size, max(walls), "s", goal=GOAL_S, baseline="the same again, charts warm",
            ratio=walls[0] / sorted(walls[1:])[len(walls) // 2 - 1], cpu_s=cost.cpu_s / ROUNDS,
            peak_rss_mb=cost.peak_rss_mb, rounds=ROUNDS, checked=True,
        )
    ]  # fmt: skip


def _check(settings: Settings, view: Workspace, made: Made, files: list[bytes]) -> None:
    currency = main_currency(view, view.tables())
    [found] = view.rows(_REVENUE, [made.since, made.until, currency])
    told = made.figures["sections"][0]["totals"]["revenue"]
    if settings.workspace_time_zone == "UTC" and told != int(found["cents"]):
        raise AssertionError(f"the report says {told} cents, plain SQL {found['cents']}")
    if not all(file.startswith(b"%PDF-") for file in files):
        raise AssertionError("a file is no PDF")
