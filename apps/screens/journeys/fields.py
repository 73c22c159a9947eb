"""Fields of the inspector: which places of a journey they may change, and how what was typed becomes a value.

Belongs here: reading, place by place; what is not named here cannot be changed from the browser. Stays out: whether the
value makes sense (`dmat/journeys` says so, and the fault is shown on the step).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from apps.screens.campaigns.fields import cents, share, text, whole
from apps.screens.journeys.edits import get_place

PARENTS = frozenset({
    "trigger", "entry", "goal", "holdout", "cases", "when", "of", "arms", "data", "values", "until_event", "where",
    "is", "exit_when",
})  # fmt: skip
_PLACE = re.compile(r"[a-z_]+(\.([a-z_][a-z0-9_]{0,59}|\d{1,2}))*(#[nu])?")
_SPAN = re.compile(r"(\d{1,4})([mhdw])")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TEXTS = (
    "name", "description", "template", "subject", "from_name", "from_email", "code_pool", "purpose", "event", "segment",
    "left_segment", "reason", "list_name", "title", "note", "tag", "channel", "do", "change", "field", "at", "part",
    "until_time", "until_date", "every", "op", "step", "how", "again", "salt", "moment", "key", "style",
)  # fmt: skip
EMPTY_IS_NONE = frozenset({"until_time", "until_date", "weekday", "template_version", "moment", "every", "within"})
"""Places that are left out when nothing is typed."""


def number(value: Any) -> float | int | None:
    """A number as people write it; None when it is none."""
    try:
        found = float(str(value).replace(",", "").strip())
    except ValueError:
        return None
    return int(found) if found.is_integer() else found


def on(value: Any) -> bool:
    """Whether a box is ticked."""
    return value is True or value == "true"


def words(value: Any) -> list[str]:
    """Several words with commas between."""
    return [each.strip() for each in text(value).split(",") if each.strip()][:20]


def scalar(value: Any) -> Any:
    """A number when it is one, otherwise the text."""
    plain = text(value).strip()
    if plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    found = number(plain)
    return plain if found is None or not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", plain) else found


READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_TEXTS, text), "share": share, "min_total_cents": cents, "one_at_a_time": on, "points": number,
    "at_least": number, "over": number, "segments": words, "exclude": words, "tiers": words, "value": scalar,
    **dict.fromkeys(("days", "days_before", "day", "weekday", "most", "priority", "template_version"), whole),
    **dict.fromkeys(("for", "after", "within", "cool_down", "expires_after"), text),
}  # fmt: skip


def read_field(step: Any, place: str, typed: Any) -> tuple[bool, str, Any]:
    """Whether the place may be changed, the place, and the value for it (None: it is left out).

    A place that ends in `#n` is the number of a span, in `#u` its unit; with `op` and `value`, lists are told from
    single values.
    """
    if not _PLACE.fullmatch(place):
        return False, "", None
    plain, _, part = place.partition("#")
    *parents, leaf = plain.split(".")
    inside = parents[-1] if parents else ""
    if any(not (each in PARENTS or each.isdigit()) for each in parents):
        return False, "", None
    if part:
        return leaf in READERS, plain, _span(str(get_place(step, plain) or ""), part, typed)
    reader = text if inside in ("values", "data") and leaf not in READERS else READERS.get(leaf)
    if reader is None:
        return False, "", None
    value = words(typed) if leaf == "value" and _is_list(step, parents) else reader(typed)
    if value is None or (value == "" and leaf in EMPTY_IS_NONE):
        return True, plain, None
    return True, plain, value


def _is_list(step: Any, parents: list[str]) -> bool:
    found = get_place(step, ".".join(parents)) if parents else None
    return isinstance(found, dict) and found.get("op") == "one_of"


def _span(before: str, part: str, typed: Any) -> str | None:
    """A span with another number or unit; None when the number was taken away."""
    known = _SPAN.fullmatch(before)
    count, unit = (known[1], known[2]) if known else ("1", "d")
    if part == "u":
        return f"{count}{typed}" if typed in UNITS else before
    found = whole(typed)
    return f"{found}{unit}" if found and found > 0 else None


def span_parts(span: Any) -> tuple[str, str]:
    """Number and unit of a span as the inspector shows them."""
    known = _SPAN.fullmatch(str(span or ""))
    return (known[1], known[2]) if known else ("", "d")


def fit_value(where: dict[str, Any], op: str) -> dict[str, Any]:
    """A comparison with another operator; its value is made to fit."""
    value = where.get("value", "")
    if op == "one_of":
        value = value if isinstance(value, list) else [str(value)] if value != "" else []
    elif isinstance(value, list):
        value = value[0] if value else ""
    if op in ("at_least", "at_most"):
        value = number(value) or 0
    return {**where, "op": op, "value": value}
