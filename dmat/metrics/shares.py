"""Shares: how much of a total each row of an answer is.

Belongs here: that division, with what is not a share. Stays out: asking (`asking.py`), drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dmat.metrics.asking import Value


def share_of(value: Value, whole: Value) -> float | None:
    """A value as a share of a whole; None when one is not known or the whole is not above 0."""
    if value is None or whole is None or whole <= 0:
        return None
    return float(value) / float(whole)


def shares(values: Sequence[Value]) -> list[float | None]:
    """Each value as a share of their sum, negative ones counting 0; all None when nothing is above 0."""
    counted = [max(float(value or 0), 0.0) for value in values]
    whole = sum(counted)
    return [value / whole if whole > 0 else None for value in counted]


def largest(values: Iterable[Value]) -> float:
    """The largest value, 0 when none is above 0: what bars are as long as."""
    return max((float(value) for value in values if value is not None), default=0.0) or 0.0
