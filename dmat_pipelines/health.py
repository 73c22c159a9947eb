"""How the resident micro-batch is doing: which part fails since when, and how fast events reach the screens.

Belongs here: pauses after failures, the status file `<home>/run/stream.json`, latency figures. Stays out: what the
parts do (`micro_batch.py`). A part that fails waits longer each time and never stops the others.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dmat.clock import utc
from dmat.errors import DmatError

LATENCIES_KEPT = 500
LONGEST_PAUSE_SECONDS = {True: 30.0, False: 120.0}  # transient, permanent


@dataclass
class Failure:
    """A part that does not work at the moment."""

    error: str
    is_transient: bool
    since: str
    times_count: int = 1
    try_again_at: float = 0.0


@dataclass
class Health:
    """What works and what does not; written to `path` after every pass."""

    path: Path
    failures: dict[str, Failure] = field(default_factory=dict)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    last_pass: dict[str, Any] = field(default_factory=dict)
    passes_count: int = 0
    state: str = "starting"

    def may_try(self, part: str) -> bool:
        """Whether the pause after the last failure of a part is over."""
        failure = self.failures.get(part)
        return failure is None or time.monotonic() >= failure.try_again_at

    def worked(self, part: str) -> bool:
        """Note that a part works; True when it did not before."""
        return self.failures.pop(part, None) is not None

    def failed(self, part: str, error: BaseException) -> bool:
        """Note that a part failed, and plan the next try; True when this is news."""
        words = f"{type(error).__name__}: {error}"[:1000]
        is_transient = isinstance(error, DmatError) and error.is_transient
        known = self.failures.get(part)
        times = known.times_count + 1 if known else 1
        pause = min(LONGEST_PAUSE_SECONDS[is_transient], (1.0 if is_transient else 5.0) * 2 ** min(times - 1, 6))
        since = known.since if known else utc(time.time()).isoformat(timespec="seconds")
        self.failures[part] = Failure(words, is_transient, since, times, time.monotonic() + pause)
        return known is None or known.error != words

    def figures(self) -> dict[str, float]:
        """Seconds from an event's arrival to its publication: median and 95th percentile of the last ones."""
        if not self.latencies:
            return {}
        ordered = sorted(self.latencies)
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        return {"latency_p50_seconds": round(statistics.median(ordered), 3), "latency_p95_seconds": round(p95, 3)}

    def write(self) -> None:
        """Write the status file, replaced atomically."""
        content = {
            "pid": os.getpid(),
            "state": self.state if not self.failures else "failing",
            "at": utc(time.time()).isoformat(timespec="seconds"),
            "passes_count": self.passes_count,
            "last_pass": self.last_pass,
            "failures": {part: asdict(failure) for part, failure in self.failures.items()},
            **self.figures(),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(content, indent=1, default=str))
        temporary.replace(self.path)
