"""How a process of sending is set up: what it keeps in memory, and how its threads take turns.

Belongs here: settings of the interpreter and of the C library. Stays out: what the process does (`sender.py`).
"""

from __future__ import annotations

import ctypes
import gc
import sys

SWITCH_SECONDS = 0.0005  # threads that come back from the store soon go on, while another puts messages together
COLLECTED_AFTER = (50_000, 20, 50)  # what a round holds has no cycles: looking for them took a quarter of the time
CACHE_KILOBYTES = 8_000  # messages of a step are neighbours in every index: what a few rounds touch is enough
_ROUNDS_KEPT, _ROUNDS_KEPT_LONGER = 4, 64
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS, _KEPT_FREE_BYTES, _LARGE_BYTES = 2, 4_000_000, 1_000_000


def settle_memory() -> None:
    """Call it at the start, before there are threads."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc: by default each thread keeps memory of its own
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)  # what a round is received and sent in goes back to the system at once


def forget_requests(rounds: int) -> None:
    """Let go of requests that were answered; call it after each round, with how many there were.

    A request and its answer hold each other, and a body of a megabyte, until somebody looks for such circles, which
    otherwise happens after fifty rounds or more. Only what is young is looked at, which takes a millisecond or two.
    """
    if rounds % _ROUNDS_KEPT == 0:
        gc.collect(1 if rounds % _ROUNDS_KEPT_LONGER == 0 else 0)
