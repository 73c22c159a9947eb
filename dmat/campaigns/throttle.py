"""The dynamic throttle: as many requests at once as the provider answers well, more slowly, fewer at once.

Belongs here: additive increase, multiplicative decrease, by the provider's answers and their latency. Stays out: what
an answer means for a message (`dmat_pipelines/deliver`). It keeps real time: providers do not know our clock.
A sender asks `allowance()` before each round and tells every answer to `answered(...)`; it is safe between threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

TOOK, LIMITED, UNAVAILABLE = "took", "limited", "unavailable"
SLOW_FACTOR, LEAST_SLOW_SECONDS = 4.0, 1.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 60.0
_SMOOTHING = 0.1


class Throttle:
    """How many requests may be under way to one provider.

    Args:
        most: what the provider allows at the very most (`Abilities.in_flight`).
        real_time: seconds that only go forward; tests give their own.
    """

    def __init__(self, most: int, real_time: Callable[[], float] = time.monotonic) -> None:
        self.most = max(1, most)
        self._real_time, self._lock = real_time, threading.Lock()
        self._window = float(self.most)
        self._usual_seconds = 0.0
        self._pause_until = 0.0
        self._pause_seconds = 0.0
        self._cut_at = float("-inf")

    def allowance(self) -> int:
        """How many requests may be under way now; 0 while the provider wants a pause."""
        with self._lock:
            return 0 if self._real_time() < self._pause_until else max(1, int(self._window))

    def wait_seconds(self) -> float:
        """How long the pause still lasts."""
        with self._lock:
            return max(0.0, self._pause_until - self._real_time())

    def answered(self, what: str, seconds: float, retry_after_seconds: float = 0.0) -> None:
        """One request was answered.

        Args:
            what: `took` (also a refusal of the message itself), `limited` (429) or `unavailable` (5xx, no answer).
            seconds: how long it took.
            retry_after_seconds: what the provider asked for.
        """
        with self._lock:
            if what == TOOK:
                self._went_well(seconds)
            else:
                self._went_badly(what, seconds, retry_after_seconds)

    def _went_well(self, seconds: float) -> None:
        self._pause_seconds = 0.0
        usual = self._usual_seconds
        self._usual_seconds = seconds if usual == 0.0 else usual + _SMOOTHING * (seconds - usual)
        if usual and seconds > max(LEAST_SLOW_SECONDS, SLOW_FACTOR * usual):
            self._cut(0.8, seconds)
        else:
            self._window = min(float(self.most), self._window + 1.0 / self._window)

    def _went_badly(self, what: str, seconds: float, retry_after_seconds: float) -> None:
        self._cut(0.5, seconds)
        pause = retry_after_seconds
        if what == UNAVAILABLE or not pause:
            doubled = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, 2 * self._pause_seconds))
            if self._real_time() >= self._pause_until:
                self._pause_seconds = doubled
            pause = max(pause, self._pause_seconds)
        self._pause_until = max(self._pause_until, self._real_time() + pause)

    def _cut(self, factor: float, seconds: float) -> None:
        """Cut once a round: what is answered within one latency of a cut was sent before it."""
        now = self._real_time()
        if now - self._cut_at > seconds:
            self._window, self._cut_at = max(1.0, self._window * factor), now
