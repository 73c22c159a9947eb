"""Spans of time as people write them: 30m, 1h, 3d, 2w.

Belongs here: reading and writing them. Stays out: what is waited for (`steps.py`).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60}
PATTERN = r"^\d{1,4}[mhdw]$"
LONGEST = timedelta(days=3660)


def read_span(value: Any) -> timedelta:
    """A span from its text.

    Raises:
        ValueError: it is none, or longer than ten years.
    """
    if isinstance(value, timedelta):
        return value
    text = str(value).strip().replace(" ", "")
    if not re.match(PATTERN, text):
        raise ValueError("this is no span of time; a number and m, h, d or w, as 30m, 1h, 3d, 2w")
    span = timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    if span > LONGEST:
        raise ValueError("this span is longer than ten years")
    return span


def write_span(span: timedelta) -> str:
    """The shortest text of a span: whole weeks are given in days."""
    seconds = int(span.total_seconds())
    for unit in ("d", "h"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds // 60}m"


def in_words(span: timedelta) -> str:
    """A span as a sentence has it: `1 hour`, `3 days`."""
    text = write_span(span)
    word, count = {"m": "minute", "h": "hour", "d": "day"}[text[-1]], int(text[:-1])
    return f"{count:,} {word}{'' if count == 1 else 's'}"


Span = Annotated[
    timedelta,
    BeforeValidator(read_span),
    PlainSerializer(write_span, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["30m", "1h", "3d"]}),
]
