"""Fields of the composer: which places of a plan they may change, and how what was typed becomes a value.

Belongs here: reading, place by place; what is not named here cannot be changed from the browser. Stays out: whether the
value makes sense (`dmat/campaigns/plan.py` says so, and the checklist shows it).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

HOLDOUT = "holdout.on"


def text(value: Any) -> str:
    """A text, not endless."""
    return str(value if value is not None else "")[:5000]


def whole(value: Any) -> int | None:
    """A whole number; None when it is none."""
    digits = str(value if value is not None else "").strip().replace(",", "")
    return int(digits) if digits.lstrip("-").isdigit() and len(digits) < 10 else None


def cents(value: Any) -> int | None:
    """An amount as people write it, in cents: 1,250.50 -> 125050."""
    try:
        return round(float(str(value).replace(",", "").strip() or 0) * 100)
    except (ValueError, OverflowError):
        return None


def optional_cents(value: Any) -> int | None:
    """The same; nothing typed is nothing."""
    return cents(value) if str(value or "").strip() else None


def share(value: Any) -> float | None:
    """Percent as a share: 5 -> 0.05."""
    try:
        return round(float(str(value).replace("%", "").strip() or 0) / 100, 4)
    except ValueError:
        return None


def micros(value: Any) -> int | None:
    """An amount of a small price in millionths: 0.075 -> 75000."""
    try:
        return round(float(str(value).replace(",", "").strip() or 0) * 1_000_000)
    except (ValueError, OverflowError):
        return None


def moment(value: Any, zone: ZoneInfo) -> str | None:
    """A date and time on the clocks of a zone, as UTC; None when there is none."""
    try:
        local = datetime.fromisoformat(str(value)[:16])
    except ValueError:
        return None
    return local.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None).isoformat()


Reader = Callable[[Any], Any]
WHOLE_PLAN: dict[str, Reader] = {
    "objective": text, "budget_cents": cents, "target_conversions": whole, "target_revenue_cents": optional_cents,
    "time_zone": text, "priority": whole, "holdout.share": share, "holdout.reason": text,
    "approval.from_recipients": whole, "conversion_days": whole, "purpose": text,
}  # fmt: skip
MOMENTS = ("starts_at", "ends_at")
PLACES: dict[str, Reader] = {
    "name": text, "template": text, "day": whole, "time": text, "clock": text, "expires_after_hours": whole,
    "subject": text, "from_name": text, "cost_cents": cents, "cost_micros_each": micros, "code_pool": text,
    "banner.headline": text, "banner.text": text, "banner.button": text, "banner.url": text, "banner.place": text,
    "banner.days": whole, "in_app.style": text, "in_app.days": whole, "social.network": text, "social.text": text,
    "social.url": text, "social.image_url": text, "banner.image_url": text,
    "retargeting.platform": text, "retargeting.list_name": text,
    "retargeting.budget_cents": cents, "retargeting.days": whole,
}  # fmt: skip


def read_place(place: str, value: Any, zone: ZoneInfo) -> tuple[bool, Any]:
    """Whether the plan has such a field, and its value."""
    if place in MOMENTS:
        return True, moment(value, zone)
    if place not in WHOLE_PLAN:
        return False, None
    return True, WHOLE_PLAN[place](value)


def read_step_place(place: str, value: Any) -> Any:
    """The value of a field of a step."""
    return PLACES[place](value)
