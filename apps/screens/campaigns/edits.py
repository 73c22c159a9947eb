"""Edits of a plan's steps, as pure functions on documents: add, move, remove.

Belongs here: which key, day and time a new step gets, and what changes when two change places. Stays out: asking and
keeping (`composing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from apps.parts.channels import channel_name

Document = dict[str, Any]
DAYS_BETWEEN = 2
WHEN = ("day", "time", "at", "clock")
PARTS: dict[str, Document] = {
    "banner": {"headline": "", "text": "", "button": "", "url": "", "place": "top", "days": 7},
    "in_app": {"style": "modal", "days": 7},
    "social": {"network": "instagram", "text": "", "url": ""},
    "retargeting": {"platform": "meta", "list_name": "", "budget_cents": 0, "days": 7},
}


def added_step(steps: Sequence[Document], channel: str) -> tuple[list[Document], str]:
    """The steps with a new one at their end, and its key."""
    taken = {step["key"] for step in steps}
    number = next(n for n in range(1, len(steps) + 2) if f"{channel}-{n}" not in taken)
    key = f"{channel}-{number}"
    last = max((step.get("day") or 1 for step in steps), default=1 - DAYS_BETWEEN)
    step: Document = {
        "key": key, "name": channel_name(channel), "channel": channel, "template": "", "day": last + DAYS_BETWEEN,
        "time": "10:00", "at": None, "clock": "workspace",
    }  # fmt: skip
    if channel in PARTS:
        step[channel] = dict(PARTS[channel])
    return [*steps, step], key


def in_order(steps: Sequence[Document], starts_at: str | None = None) -> list[Document]:
    """The steps by time, as far as days and times tell; one with a moment counts its day from the start."""
    begins = datetime.fromisoformat(starts_at[:19]) if starts_at else None

    def when(step: Document) -> tuple[int, str]:
        at = datetime.fromisoformat(str(step["at"])[:19]) if step.get("at") else None
        if at is not None:
            return ((at.date() - begins.date()).days + 1 if begins else 1, f"{at:%H:%M}")
        day = step.get("day")
        return (day, "" if step.get("clock") == "best_hour" else step.get("time", "")) if day else (1, "")

    return sorted(steps, key=when)


def moved_step(steps: Sequence[Document], key: str, by: int, starts_at: str | None = None) -> list[Document]:
    """The steps with one of them changed places with its neighbour; days and times stay where they were."""
    listed = [dict(step) for step in in_order(steps, starts_at)]
    here = next((place for place, step in enumerate(listed) if step["key"] == key), None)
    there = (here if here is not None else 0) + by
    if here is None or not 0 <= there < len(listed):
        return listed
    one, other = listed[here], listed[there]
    times = [{name: step.get(name) for name in WHEN} for step in (one, other)]
    one.update(times[1])
    other.update(times[0])
    listed[here], listed[there] = other, one
    return listed


def without_step(steps: Sequence[Document], key: str) -> list[Document]:
    """The steps without one of them."""
    return [step for step in steps if step["key"] != key]
