"""Questions on large arrays, asked block by block: a block fits the processor's cache, and the cores share them.

Belongs here: cutting and putting together. Stays out: the questions (`comparisons.py`, `spans.py`, `columns.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dmat.segments.bitmaps import Flags

BLOCK = 1 << 17
_WORTH_IT = 1 << 20
_MOST_THREADS = 4


def in_blocks(question: Callable[[npt.NDArray[Any]], Flags], values: npt.NDArray[Any]) -> Flags:
    """`question(values)`, where the answer to each value does not depend on the others."""
    if len(values) < _WORTH_IT:
        return question(values)
    found = np.empty(len(values), np.bool_)

    def answer(start: int, stop: int) -> None:
        for first in range(start, stop, BLOCK):
            last = min(first + BLOCK, stop)
            found[first:last] = question(values[first:last])

    threads, pool = _pool()
    share = -(-len(values) // threads)
    shares = [(start, min(start + share, len(values))) for start in range(0, len(values), share)]
    for done in [pool.submit(answer, *each) for each in shares]:
        done.result()
    return found


@cache
def _pool() -> tuple[int, ThreadPoolExecutor]:
    threads = min(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, _MOST_THREADS
    )
    return threads, ThreadPoolExecutor(threads, thread_name_prefix="blocks")
