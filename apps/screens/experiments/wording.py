"""Words and figures of tests as marketers read them: measures, statuses, kinds, differences in points or money.

Belongs here: formatting only, pure functions. Stays out: which figures there are (`telling.py`), and the sentences of
the statistics (`dmat/experiments/words.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta

from apps.parts.words import NOTHING, money
from dmat.experiments.metrics import METRICS, find_metric

TONES = {
    "draft": ("", "edit"), "running": ("primary", "play"), "paused": ("warning", "pause"),
    "deciding": ("warning", "clock"), "decided": ("success", "check"), "rolled_out": ("success", "check"),
    "stopped": ("", "stop"),
}  # fmt: skip
"""Status -> tone of its chip, and its icon."""

STATUS_WORDS = {
    "draft": "Draft", "running": "Running", "paused": "Paused", "deciding": "Waits for your decision",
    "decided": "Decided", "rolled_out": "Winner sent", "stopped": "Stopped",
}  # fmt: skip

KIND_WORDS = {
    "content": "Content", "subject": "Subject line", "media": "Pictures and media", "offer": "Offer",
    "send_time": "Send time", "frequency": "Frequency", "landing_page": "Landing page",
    "factorial": "Two things at once", "custom": "Something of your own",
}  # fmt: skip

RATE_WORDS = {
    "open_human": "Open rate (people)", "open_raw": "Open rate (with machines)", "read": "Read rate",
    "click": "Click rate", "reply": "Reply rate", "conversion": "Conversion rate", "revenue": "Revenue per person",
    "order_value": "Revenue per order", "form_completion": "Form completion", "unsubscribe": "Unsubscribe rate",
    "complaint": "Complaint rate",
}  # fmt: skip

HITS_WORDS = {
    "open_human": "opened", "open_raw": "opened", "read": "read it", "click": "clicked", "reply": "replied",
    "conversion": "bought", "form_completion": "completed", "unsubscribe": "unsubscribed", "complaint": "complained",
}  # fmt: skip

COUNT_WORDS = {
    "open_human": "opens", "open_raw": "opens", "read": "readers", "click": "people who click", "reply": "replies",
    "conversion": "buyers", "form_completion": "completed forms", "unsubscribe": "unsubscribes",
    "complaint": "complaints",
}  # fmt: skip

OF_MESSAGES = ("click", "conversion", "revenue", "reply", "read", "open_human", "open_raw", "unsubscribe")
OF_PAGES = ("form_completion", "click", "conversion", "revenue")
GUARDS = ("unsubscribe", "complaint", "click", "conversion", "revenue")
NO_LIMIT = "no limit"
HOURS = (1, 2, 4, 8, 12, 24, 48, 72, 168, 336, 672)


def metric_words(key: str) -> str:
    """The measure as a heading: Click rate."""
    return RATE_WORDS.get(find_metric(key).key, key.replace("_", " ").capitalize())


def hits_words(key: str) -> str:
    """What people did who count: clicked."""
    return HITS_WORDS.get(find_metric(key).key, "did it")


def count_words(key: str) -> str:
    """What is counted, after "12 more": buyers; revenue after an amount."""
    return "revenue" if is_money(key) else COUNT_WORDS.get(find_metric(key).key, "people who do it")


def is_money(key: str) -> bool:
    """Whether the measure is an amount."""
    return METRICS[key].unit == "cents"


def value_of(key: str, value: float | None, currency: str = "EUR", digits: int | None = None) -> str:
    """A rate or amount: 18.7%, €4.12; small rates with more digits, so that 0.04% is not 0.0%."""
    if value is None or value != value:
        return NOTHING
    if math.isinf(value):
        return NO_LIMIT
    if is_money(key):
        return money(value, currency)
    percents = value * 100
    places = digits if digits is not None else _digits(percents)
    return f"{percents:.{places}f}%"


def difference_of(key: str, value: float | None, currency: str = "EUR") -> str:
    """A difference with its sign: +6.7 points, −€0.40."""
    if value is None or value != value:
        return NOTHING
    if math.isinf(value):
        return NO_LIMIT
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    if is_money(key):
        return f"{sign}{money(abs(value), currency)}"
    points = abs(value) * 100
    words = f"{points:.{_digits(points)}f}"
    return f"{sign}{words} {'point' if words in {'1', '1.0'} else 'points'}"


def relative_of(value: float | None) -> str:
    """A relative difference: +12%."""
    if value is None or value != value or value in {float("inf"), float("-inf")}:
        return NOTHING
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    size = abs(value) * 100
    return f"{sign}{size:.0f}%" if size >= 10 else f"{sign}{size:.1f}%"


def chance_of(value: float | None) -> str:
    """A chance in whole percents that never claims to be certain: above 99%, below 1%."""
    if value is None or value != value:
        return NOTHING
    if value > 0.99:
        return "above 99%"
    return "below 1%" if value < 0.01 else f"{value * 100:.0f}%"


def _digits(size: float) -> int:
    return 1 if abs(size) >= 1 or size == 0 else 2


def span_of(hours: float | None) -> str:
    """A length of time: 4 hours, 3 days, 2 weeks."""
    if hours is None:
        return "no limit"
    if hours < 1:
        return _count(max(1, round(hours * 60)), "minute")
    if hours < 48:
        return _count(round(hours, 1), "hour")
    if hours % 168 == 0:
        return _count(hours / 168, "week")
    return _count(round(hours / 24, 1), "day")


def _count(value: float, one: str) -> str:
    shown = f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
    return f"{shown} {one if shown == '1' else one + 's'}"


def left_of(span: timedelta) -> str:
    """How much time is left: 2 h 15 min, 3 days."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{minutes // 1440} days"


def letter_of(key: str, arms: Mapping[str, int] | None = None) -> str:
    """The sign of an arm: A, B ..."""
    return key[:2].upper() if arms is None or key in arms else key.upper()
