"""Numbers, money and times as people read them.

Belongs here: formatting only, pure functions. Stays out: colours and HTML. Times come in UTC without zone and are
shown in the workspace's time zone; "now" is always passed in, since a simulated company has its own.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from dmat.errors import DmatError, InvalidInputError
from dmat.metrics import naming
from dmat.source_names import named

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "CAD": "CA$", "AUD": "A$", "BRL": "R$"}
"""Currencies written with a sign before the number; the others carry their code."""

NOTHING = "–"


def number(value: float | int | None) -> str:
    """1234 -> 1,234; one decimal when it is not whole."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def money(cents: int | float | None, currency: str | None, whole_from: float = 10_000) -> str:
    """Cents and a currency code -> €1,234.50; without the cents from `whole_from` on."""
    if cents is None:
        return NOTHING
    amount = abs(cents) / 100
    digits = 0 if amount >= whole_from or currency == "JPY" else 2
    sign = "−" if cents < 0 else ""
    code = currency or ""
    if code in SYMBOLS:
        return f"{sign}{SYMBOLS[code]}{amount:,.{digits}f}"
    return f"{sign}{code} {amount:,.{digits}f}".strip()


def percent(share: float | None) -> str:
    """0.123 -> 12.3%."""
    return NOTHING if share is None else f"{share * 100:.1f}%"


def _span(seconds: float) -> str:
    for limit, unit, size in ((60, "s", 1), (3600, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 86_400)} days"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, in a few letters: 12 s ago, 3 min ago, 5 h ago, 4 days ago; in 3 min."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    if abs(seconds) < 2:
        return "just now"
    return f"{_span(seconds)} ago" if seconds > 0 else f"in {_span(-seconds)}"


def local(at: datetime, zone: str) -> datetime:
    """UTC without zone -> the same moment on the clocks of `zone`."""
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))


def moment(at: datetime | None, zone: str) -> str:
    """Date and time: Fri 20 Nov 2026, 14:05."""
    if at is None:
        return NOTHING
    there = local(at, zone)
    return f"{there:%a} {there.day} {there:%b %Y, %H:%M}"


def short_moment(at: datetime | None, zone: str) -> str:
    """Date and time without the year: 20 Nov, 14:05:09."""
    if at is None:
        return NOTHING
    there = local(at, zone)
    return f"{there.day} {there:%b, %H:%M:%S}"


def day(at: date) -> str:
    """20 Nov."""
    return f"{at.day} {at:%b}"


def source_name(source: str | None) -> str:
    """A vendor's name as it writes it."""
    if not source:
        return "Unknown"
    return named(source)


def sentence_case(word: str | None) -> str:
    """held_out -> Held out; names inside, such as UTC or Europe/London, stay as they are written."""
    return naming.sentence_case(word or NOTHING)


def refusal(error: DmatError) -> str:
    """An error as sentences: `time_zone: is not one (allowed: UTC)` -> Time zone: is not one. Allowed: UTC."""
    if not isinstance(error, InvalidInputError):
        return f"{str(error)[:1].upper()}{str(error)[1:]}."
    allowed = f" Allowed: {error.allowed}." if error.allowed else ""
    return f"{sentence_case(error.field)}: {error.problem}.{allowed}"


def stage_name(stage: str | None) -> str:
    """qualifiedtobuy -> Qualified to buy; stages that somebody named stay as they are."""
    return naming.STAGES.get(stage or "", sentence_case(stage))


def plural(count: int, one: str, many: str = "") -> str:
    """1 cart, 3 carts, 1,204 carts."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
