"""What time it is: the system's, or a company's make-believe time.

Belongs here: `now()` for every process of a workspace, read from `<home>/clock.json` when there is one.
Stays out: time zones of people (see `dmat/campaigns/pace.py`) and cron lines (`sensors/calendar.py`).
All times are UTC and carry no zone (`datetime` without tzinfo), as in the warehouse.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


def utc(seconds: float) -> datetime:
    """Seconds since 1970 -> UTC datetime without zone."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def as_utc(moment: datetime) -> datetime:
    """A moment with a zone -> UTC without one; a moment without zone is UTC already.

    Raises:
        ValueError: UTC is outside of the calendar there (year 1 or 9999).
    """
    try:
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise ValueError("this moment is outside of the calendar") from None


@dataclass(frozen=True)
class Clock:
    """A clock that every process of one workspace reads alike.

    Without a file it is the system clock. With one, `now = virtual_at + (real now - real_at) * speed`;
    a speed of 0 is a clock that only moves when `advance` is called.
    """

    path: Path | None = None

    def _read(self) -> dict[str, float | str] | None:
        if self.path is None or not self.path.exists():
            return None
        state: dict[str, float | str] = json.loads(self.path.read_text())
        return state

    @property
    def is_virtual(self) -> bool:
        """True when the workspace lives on make-believe time."""
        return self._read() is not None

    @property
    def speed(self) -> float:
        """Virtual seconds that pass in one real second (1 for the system clock)."""
        state = self._read()
        return 1.0 if state is None else float(state["speed"])

    def now(self) -> datetime:
        """The current time, UTC without zone."""
        state = self._read()
        if state is None:
            return utc(time.time())
        elapsed = (time.time() - float(state["real_at"])) * float(state["speed"])
        return datetime.fromisoformat(str(state["virtual_at"])) + timedelta(seconds=elapsed)

    def set(self, virtual_at: datetime, speed: float = 0.0) -> None:
        """Start make-believe time at `virtual_at`, running `speed` times as fast as real time."""
        if self.path is None:
            raise ValueError("the system clock cannot be set")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = {"virtual_at": virtual_at.isoformat(), "real_at": time.time(), "speed": speed}
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(state))
        temporary.replace(self.path)

    def advance(self, by: timedelta) -> datetime:
        """Move make-believe time forward by `by` and give the new time."""
        moved = self.now() + by
        self.set(moved, self.speed)
        return moved
