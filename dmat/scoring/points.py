"""Points: what is left of them after some time, and their sum, exactly as the tables reckon.

Belongs here: the formula of decay and the sum. Stays out: which events earn points (`dbt`), words (`words.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

HUNDREDTH = Decimal("0.01")
DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Entry:
    """One row of the ledger of points; `points_now` is what is left of `points`, to the hundredth."""

    entry_key: str
    action: str
    label: str
    source: str
    subject: str
    occurred_at: datetime
    points: int
    half_life_days: float | None
    points_now: Decimal


def left_of(points: int, half_life_days: float | None, occurred_at: datetime, now: datetime) -> Decimal:
    """Points * 0.5 ** (age / half-life), rounded half up to the hundredth; without a half-life all of them.

    Exponential decay: https://en.wikipedia.org/wiki/Half-life; ages are whole seconds, as in the tables
    (macro `decayed_points`).
    """
    if half_life_days is None:
        return Decimal(points).quantize(HUNDREDTH)
    seconds = max(int((now - occurred_at).total_seconds()), 0)
    left = points * 0.5 ** (seconds / DAY_SECONDS / half_life_days)
    return Decimal(repr(left)).quantize(HUNDREDTH, ROUND_HALF_UP)


def sum_of(entries: Iterable[Entry]) -> Decimal:
    """The score: the sum of what is left of each entry."""
    return sum((entry.points_now for entry in entries), Decimal("0.00"))
