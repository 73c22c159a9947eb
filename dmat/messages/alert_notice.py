"""The values of a mail about alerts.

Belongs here: those values. Stays out: who is told and when (`dmat/alerts`), the words (templates).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dmat.errors import InvalidInputError
from dmat.settings import Settings

LONGEST = 600


def alert_values(
    settings: Settings, context: Mapping[str, Any], unsubscribe_url: str, _link: Callable[[str], str]
) -> dict[str, Any]:
    """The values; texts are cut, as names in them may come from anywhere.

    Raises:
        InvalidInputError: the entry has no title or no line.
    """
    lines = [[_cut(part) for part in line] for line in context.get("lines") or () if len(line) == 3]
    if not context.get("title") or not lines:
        raise InvalidInputError("lines", "there is nothing to tell", "at least one line, and a title")
    return {
        "title": _cut(context["title"]), "lines": lines, "more": int(context.get("more") or 0),
        "url": str(context.get("url") or ""),
        "shop": {"name": settings.sender_name, "postal_address": settings.postal_address},
        "unsubscribe_url": unsubscribe_url,
    }  # fmt: skip


def _cut(text: Any) -> str:
    return " ".join(str(text or "").split())[:LONGEST]
