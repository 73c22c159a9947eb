"""How fast conversions are shared out: all models over five million journeys.

`attribution.all_models_cpu_s`: CPU seconds for the six rule models, Markov of orders 1 to 3 and Shapley, from flat
arrays of touches to what each channel gets. The baseline is what a plain loop over the journeys takes for linear (on a
hundredth of them, scaled up), once for each of the ten models.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from benchmarks.measure import Row, measured
from dmat.attribution.markov import markov_of_orders
from dmat.attribution.paths import Paths
from dmat.attribution.rules import RULES
from dmat.attribution.shapley import shapley_values

JOURNEYS = {"5k": 50_000, "100k": 500_000, "1m": 5_000_000, "10m": 5_000_000}
CHANNELS = 14
CONVERTS = 0.06


def journeys(count: int, seed: int = 7) -> Paths:
    """Random journeys of 1 to 12 touches over channels of very different size."""
    dice = np.random.default_rng(seed)
    lengths = np.minimum(dice.geometric(0.4, count), 12)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    sizes = 1 / np.arange(1, CHANNELS + 1)
    codes = dice.choice(CHANNELS, starts[-1], p=sizes / sizes.sum())
    converted = (dice.random(count) < CONVERTS).astype(float)
    ages = dice.exponential(6, starts[-1])
    value = converted * dice.integers(500, 20_000, count)
    names = tuple(f"channel {number}" for number in range(CHANNELS))
    return Paths(names, codes, starts, converted, 1 - converted, value, ages)


def share_out_everything(paths: Paths) -> dict[str, float]:
    """What every model gives to all channels together."""
    given = {name: sum(paths.by_channel(rule(paths)).values()) for name, rule in RULES.items()}
    given |= {f"markov_{order}": sum(found.attributed.values()) for order, found in markov_of_orders(paths).items()}
    given["shapley"] = sum(shapley_values(paths).values())
    return given


def plain_linear(paths: Paths, count: int) -> float:
    """Seconds that a loop over journeys takes for one model."""
    starts, codes, converted = paths.starts.tolist(), paths.codes.tolist(), paths.conversions.tolist()
    credits, began = [0.0] * CHANNELS, time.process_time()
    for number in range(count):
        path = codes[starts[number] : starts[number + 1]]
        for code in path:
            credits[code] += converted[number] / len(path)
    return time.process_time() - began


def run(people: int, size: str) -> list[Row]:
    """Share out, and check that every model gives out exactly the conversions there are."""
    count = JOURNEYS[size]
    paths = journeys(count)
    with measured() as cost:
        given = share_out_everything(paths)
    conversions = paths.conversions.sum()
    is_right = all(abs(total - conversions) < 1e-6 * conversions for total in given.values())
    plain = plain_linear(paths, count // 100) * 100
    row = Row("attribution.all_models_cpu_s", size, cost.cpu_s, "s", goal=8 if size in {"1m", "10m"} else None,
              checked=is_right)  # fmt: skip
    return [
        replace(row, baseline="a loop for each model", ratio=plain * len(given) / cost.cpu_s, cpu_s=cost.cpu_s,
                peak_rss_mb=cost.peak_rss_mb),
        Row("attribution.journeys", size, count, "journeys", higher_is_better=True, checked=is_right),
    ]  # fmt: skip
