"""Fields of the form: which places of a test they may change, and how what was typed becomes a value.

Belongs here: reading, place by place; what is not named here cannot be changed from the browser. Stays out: whether the
value makes sense (`dmat/experiments/plan.py` says so, and the checklist shows it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.screens.campaigns.fields import share, text, whole
from apps.screens.experiments.wording import is_money
from dmat.experiments.metrics import METRICS

Reader = Callable[[Any], Any]


def number(value: Any) -> float | None:
    """A number; None when it is none."""
    try:
        found = float(str(value).replace(",", "").strip())
    except ValueError:
        return None
    return found if abs(found) < 1e12 else None


def yes(value: Any) -> bool:
    """Whether a box is ticked."""
    return value in {True, "true", "1"}


def metric(value: Any) -> str:
    """The key of a metric; clicks when it is none."""
    return str(value) if value in METRICS else "click"


PLACES: dict[str, Reader] = {
    "name": text, "hypothesis": text, "campaign_id": whole, "step": text, "page": text, "form": text,
    "test_share": share, "sample_per_arm": whole, "duration_hours": number, "primary": metric, "inference": text,
    "alpha": share, "power": share, "exclusion_group": text, "allocation": text, "conversion_days": whole,
    "control": text, "rule.auto": yes, "rule.at_deadline": text, "rule.metric_reason": text, "rule.min_per_arm": whole,
}  # fmt: skip
ARM_PLACES: dict[str, Reader] = {
    "name": text, "share": share, "overrides.subject": text, "overrides.template": text, "overrides.time": text,
    "overrides.code_pool": text, "overrides.url": text,
}  # fmt: skip
IN_UNITS = ("mde", "rule.caring_threshold")
"""Places in the unit of the metric: points of a rate, or money."""


def read_place(place: str, value: Any, primary: str) -> tuple[bool, Any]:
    """Whether a test has such a field, and its value."""
    if place in IN_UNITS:
        found = number(value)
        return True, None if found is None else in_unit(primary, found)
    if place not in PLACES:
        return False, None
    return True, PLACES[place](value)


def in_unit(primary: str, typed: float) -> float:
    """Points or whole money as typed -> the metric's own unit: 2 -> 0.02, 2 EUR -> 200 cents."""
    return typed * 100 if is_money(primary) else round(typed / 100, 6)


def as_typed(primary: str, value: float | None) -> str:
    """The other way round, for a field."""
    if value is None:
        return ""
    shown = value / 100 if is_money(primary) else value * 100
    return f"{shown:.4f}".rstrip("0").rstrip(".")


def read_arm_place(place: str, value: Any) -> tuple[bool, Any]:
    """Whether an arm has such a field, and its value."""
    return (True, ARM_PLACES[place](value)) if place in ARM_PLACES else (False, None)
