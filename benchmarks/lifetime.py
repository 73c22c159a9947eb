"""How fast lifetime values are: one million customers, from their order histories to what each is expected to bring.

`lifetime.customers_cpu_s`: CPU seconds to count equal customers together, fit MBG/NBD and expect the purchases of 365
days of each. The baseline is the fit over single customers, on a twentieth of them, scaled up.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from benchmarks.measure import Row, measured
from dmat.lifetime.purchases import Floats, Histories, expected_purchases, fit_purchases, log_likelihood

CUSTOMERS = {"5k": 5_000, "100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
TRUTH = (0.6, 8.0, 0.8, 2.4)
HORIZON_WEEKS = 365 / 7
SINGLE = 20


def customers(count: int, seed: int = 7) -> tuple[Floats, Floats, Floats]:
    """Repeats, weeks to the last and weeks until now of random customers who buy and stop as the model says."""
    r, alpha, a, b = TRUTH
    dice = np.random.default_rng(seed)
    rate, stops, age = dice.gamma(r, 1 / alpha, count), dice.beta(a, b, count), dice.integers(4, 104, count)
    repeats, recency, now = np.zeros(count), np.zeros(count), np.zeros(count)
    alive = np.flatnonzero(dice.random(count) >= stops)
    while len(alive):
        now[alive] += dice.exponential(1 / np.maximum(rate[alive], 1e-300))
        alive = alive[now[alive] <= age[alive]]
        repeats[alive] += 1
        recency[alive] = now[alive]
        alive = alive[dice.random(len(alive)) >= stops[alive]]
    return repeats, np.minimum(np.round(recency), age), age.astype(np.float64)


def counted(repeats: Floats, recency: Floats, age: Floats) -> tuple[Histories, np.ndarray]:
    """Equal customers as one cell, and the cell of each customer."""
    keys = (repeats.astype(np.int64) * 1024 + recency.astype(np.int64)) * 1024 + age.astype(np.int64)
    cells, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    parts = (cells // 1024**2, cells // 1024 % 1024, cells % 1024, counts)
    return Histories(*(part.astype(np.float64) for part in parts)), places


def run(people: int, size: str) -> list[Row]:
    """Value all customers, and check that the fit is likelier than the truth they were drawn from."""
    repeats, recency, age = customers(CUSTOMERS[size])
    with measured() as cost:
        cells, places = counted(repeats, recency, age)
        fit = fit_purchases(cells)
        expected = expected_purchases(cells, fit, HORIZON_WEEKS)[places]
    right = bool(
        fit.is_converged
        and fit.log_likelihood >= log_likelihood(cells, "mbg_nbd", *TRUTH)
        and len(expected) == len(age)
        and (expected >= 0).all()
    )
    began = time.process_time()
    part = slice(None, None, SINGLE)
    fit_purchases(Histories(repeats[part], recency[part], age[part], np.ones(len(age[part]))))
    single = (time.process_time() - began) * SINGLE
    row = Row("lifetime.customers_cpu_s", size, cost.cpu_s, "s", goal=4 if size == "1m" else None, checked=right)
    return [
        replace(row, baseline="a fit over single customers", ratio=single / cost.cpu_s, cpu_s=cost.cpu_s,
                peak_rss_mb=cost.peak_rss_mb),
        Row("lifetime.cells", size, len(cells.age), "cells", checked=right),
    ]  # fmt: skip
