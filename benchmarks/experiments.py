"""How fast tests are analysed, beside gbstats; and how fast their sums come about (`moments.py`).

`experiments.analysis_100x5_ms`: one call of `analyse` for 100 metrics (rates, means, ratios, some with a covariate) and
five arms: rates with intervals, four comparisons each with p, intervals of difference and lift, Holm, chances to be
best and expected losses by quadrature. `experiments.analysis_100x5_rates_ms`: the same with rates only, which is what
gbstats does in its own environment (two-sided, absolute and relative, and Bayesian); the ratio is in CPU time.
`experiments.analysis_100x5_always_valid_ms`: the default inference. `experiments.import_s`: a fresh Python that imports
what an analysis needs (scipy follows with the first number). `experiments.gbstats_disagreeing_share`: of small tests of
two rates (100 to 400 people an arm) with any significant result, those where gbstats' absolute and relative verdicts
differ; ours is 0.
Checked: our p of rates, unpooled, equals gbstats' to what Welch's and the normal distribution differ by.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import moments
from benchmarks.gbstats_beside import run_gbstats
from benchmarks.measure import Row, percentile
from dmat.experiments.analysis import Analysis, Arm, Design, Observed, analyse
from dmat.experiments.metrics import Metric
from dmat.experiments.moments import Moments
from dmat.experiments.proportions import two_proportions

ROUNDS, METRICS, ARMS, PEOPLE = 21, 100, "abcde", 3_000
KINDS = ("proportion", "mean", "ratio", "proportion", "mean")
IMPORT = "import dmat.experiments, dmat.experiments.analysis, dmat.experiments.decide"


def metrics(kinds: tuple[str, ...]) -> tuple[Metric, ...]:
    """A hundred metrics, their kinds in turn."""
    return tuple(Metric(f"m{at}", f"metric {at}", kinds[at % len(kinds)]) for at in range(METRICS))  # type: ignore[arg-type]


def observed(chosen: tuple[Metric, ...], rng: np.random.Generator) -> Observed:
    """Moments of every arm and metric from invented people."""

    def one(at: int, metric: Metric) -> Moments:
        if metric.kind == "proportion":
            return Moments.of_proportion(PEOPLE, int(rng.binomial(PEOPLE, 0.02 + 0.003 * at)))
        x = rng.poisson(1, PEOPLE) + 1.0
        past = rng.gamma(2, 1, PEOPLE) if at % 2 else None
        return Moments.of_values(x * rng.gamma(1, 3, PEOPLE), x, past)

    sums = {arm: {metric.key: one(at, metric) for at, metric in enumerate(chosen)} for arm in ARMS}
    return Observed(dict.fromkeys(ARMS, PEOPLE), sums)


def timed(work: Callable[[], Analysis]) -> tuple[list[float], list[float]]:
    """Wall and CPU milliseconds of each round, after one to warm up."""
    work()
    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    return walls, cpus


def design_of(chosen: tuple[Metric, ...], inference: str) -> Design:
    """Five arms, the first metric decides."""
    arms = tuple(Arm(arm) for arm in ARMS)
    return Design(arms, "a", "m0", inference=inference, extra_metrics=chosen)  # type: ignore[arg-type]


def analysis_rows(size: str) -> list[Row]:
    """The analyses, and gbstats beside them."""
    rng = np.random.default_rng(1)
    mixed, rates = metrics(KINDS), metrics(("proportion",))
    seen, counted = observed(mixed, rng), observed(rates, rng)
    theirs = run_gbstats(_work(rates, counted, rng))
    rows = []
    for name, chosen, sums, inference in (
        ("experiments.analysis_100x5_ms", mixed, seen, "fixed"),
        ("experiments.analysis_100x5_always_valid_ms", mixed, seen, "always_valid"),
        ("experiments.analysis_100x5_rates_ms", rates, counted, "fixed"),
    ):
        design = design_of(chosen, inference)
        walls, cpus = timed(lambda design=design, sums=sums: analyse(design, sums))  # type: ignore[misc]
        row = Row(name, size, statistics.median(walls), "ms", goal=20, rounds=ROUNDS, checked=True)
        row.cpu_s = statistics.median(cpus) / 1000
        if name.endswith("rates_ms") and theirs is not None:
            check_equal(rates, counted, theirs["p"])
            row.baseline = f"gbstats, p95 ours {percentile(walls, 0.95):.1f} ms"
            row.ratio = statistics.median(theirs["cpus"]) / statistics.median(cpus)
        rows.append(row)
    if theirs is not None:
        share = theirs["disagreeing"] / max(1, theirs["significant"])
        rows.append(Row("experiments.gbstats_disagreeing_share", size, share, "of tests", rounds=theirs["significant"]))
    return rows


def _work(rates: tuple[Metric, ...], counted: Observed, rng: np.random.Generator) -> dict[str, Any]:
    tables = [
        [[counted.moments[arm][metric.key].y, int(counted.moments[arm][metric.key].n)] for arm in ARMS]
        for metric in rates
    ]
    people = rng.integers(100, 401, 3_000)
    base = rng.uniform(0.05, 0.3, 3_000)
    small = [
        [int(rng.binomial(n, share)), int(n), int(rng.binomial(n, min(1.0, share * lift))), int(n)]
        for n, share, lift in zip(people, base, rng.uniform(0.5, 2.0, 3_000), strict=True)
    ]
    return {"tables": tables, "small": [row for row in small if row[0] and row[2]], "rounds": 7}


def check_equal(rates: tuple[Metric, ...], counted: Observed, theirs: list[float]) -> None:
    """gbstats tests rates by Welch's t with the unpooled variance: near to our unpooled z."""
    ours = []
    for metric in rates:
        sums = [counted.moments[arm][metric.key] for arm in ARMS]
        first = sums[0]
        ours += [two_proportions(int(first.y), int(first.n), int(b.y), int(b.n)).p_unpooled for b in sums[1:]]
    assert np.allclose(ours, theirs, rtol=0.02, atol=2e-3), "gbstats and we differ on the same counts"


def import_row(size: str) -> Row:
    """A fresh Python that imports the statistics, less one that imports nothing."""
    walls: dict[str, list[float]] = {IMPORT: [], "pass": []}
    cpus: dict[str, list[float]] = {IMPORT: [], "pass": []}
    for _ in range(7):
        for code, found in walls.items():
            before, cpu = time.perf_counter(), _children_cpu()
            subprocess.run([sys.executable, "-c", code], check=True)
            found.append(time.perf_counter() - before)
            cpus[code].append(_children_cpu() - cpu)
    wall, cpu = (statistics.median(found[IMPORT]) - statistics.median(found["pass"]) for found in (walls, cpus))
    return Row("experiments.import_s", size, wall, "s", goal=0.5, cpu_s=cpu, rounds=7, checked=True)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(people: int, size: str) -> list[Row]:
    """All figures of the group; the analyses do not depend on the size."""
    return [*analysis_rows(size), import_row(size), *moments.run(people, size)]
