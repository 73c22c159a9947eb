"""What a rule found: a subject, in words, with its figures and the way to look at it.

Belongs here: that shape and how values are said. Stays out: finding (`judging.py`, `conditions.py`), keeping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        rule_key: the rule that found it; `subject` what it is about: the same subject is one alert.
        severity: `info`, `warning` or `urgent`.
        title, words: a line, and what there is to say about it.
        link: a path of ours that shows it.
        facts: figures behind the words, as JSON can keep them.
    """

    rule_key: str
    subject: str
    severity: str
    title: str
    words: str
    link: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def said(value: float | int | None, unit: str, currency: str = "") -> str:
    """A value in words: `1,203`, `25.4%`, `1,203.50 EUR`, `3.2 days`."""
    if value is None:
        return "not known"
    if unit == "cents":
        return f"{value / 100:,.2f} {currency}".rstrip()
    if unit == "rate":
        return f"{value * 100:.{1 if abs(value) >= 0.01 or not value else 2}f}%"
    if unit == "count":
        return f"{round(value):,}"
    return f"{value:,.1f}{'' if unit == 'ratio' else f' {unit}'}"


def said_change(change: float) -> str:
    """A relative change in words: `41% less`, `3 times as much`."""
    if change >= 2:
        return f"{change + 1:.1f} times as much"
    return f"{abs(change) * 100:.0f}% {'more' if change > 0 else 'less'}"
