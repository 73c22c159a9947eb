"""The checklist of the composer: audience, content, time, checks; what blocks is named under the item it belongs to.

Belongs here: sorting findings under items. Stays out: finding them (`answering.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.screens.campaigns.composing import Found
from dmat.campaigns.checking import Finding


@dataclass(frozen=True)
class Item:
    """One item: done, or what is missing."""

    key: str
    title: str
    about: str
    blocking: tuple[Finding, ...]
    hints: tuple[Finding, ...]

    @property
    def is_done(self) -> bool:
        """Whether nothing in it blocks."""
        return not self.blocking


def _item_of(place: str) -> str:
    if place.startswith("audience") or ".audience" in place:
        return "audience"
    if place.startswith(("starts_at", "ends_at", "time_zone")) or place.endswith((".at", ".day", ".time", ".clock")):
        return "time"
    if place.startswith("steps"):
        return "content"
    return "checks"


def items_of(plan: dict[str, Any], found: Found) -> Sequence[Item]:
    """The four items, in the order of the page."""
    sorted_by: dict[str, list[Finding]] = {key: [] for key in ("audience", "content", "time", "checks")}
    for finding in found.findings:
        sorted_by[_item_of(finding.place)].append(finding)
    steps, audience = plan.get("steps", ()), plan.get("audience", {})
    chosen = len(audience.get("segments", ()))
    about = {
        "audience": "Everybody" if audience.get("is_everybody") else f"{chosen} segment{'s' if chosen != 1 else ''}",
        "content": f"{len(steps)} step{'s' if len(steps) != 1 else ''}",
        "time": "At a set time" if plan.get("starts_at") else "When somebody starts it",
        "checks": "Hold-out, budget, rules",
    }
    titles = {"audience": "Audience", "content": "Content", "time": "Time", "checks": "Settings"}
    return [
        Item(
            key, titles[key], about[key], tuple(each for each in listed if each.is_blocking),
            tuple(each for each in listed if not each.is_blocking),
        )
        for key, listed in sorted_by.items()
    ]  # fmt: skip
