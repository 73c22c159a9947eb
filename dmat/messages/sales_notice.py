"""The values of a mail to sales about one lead.

Belongs here: those values. Stays out: who is told and when (`dmat/scoring/notices.py`), the words (templates).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dmat.errors import InvalidInputError
from dmat.settings import Settings

LONGEST = 300


def notice_values(
    settings: Settings, context: Mapping[str, Any], unsubscribe_url: str, _link: Callable[[str], str]
) -> dict[str, Any]:
    """The values; texts of leads are cut, as anybody may have typed them.

    Raises:
        InvalidInputError: the entry has no title.
    """
    if not context.get("title"):
        raise InvalidInputError("title", "it is missing", "what happened, in a few words")
    return {
        "title": _cut(context["title"]), "intro": _cut(context.get("intro")),
        "facts": _pairs(context.get("facts")), "breakdown": _pairs(context.get("breakdown")),
        "breakdown_title": _cut(context.get("breakdown_title") or "Score"),
        "history": [_cut(line) for line in context.get("history") or ()][:10],
        "next_step": _cut(context.get("next_step")), "url": str(context.get("url") or ""),
        "shop": {"name": settings.sender_name, "postal_address": settings.postal_address},
        "unsubscribe_url": unsubscribe_url,
    }  # fmt: skip


def _pairs(rows: Any) -> list[list[str]]:
    return [[_cut(label), _cut(value)] for label, value in rows or ()][:30]


def _cut(text: Any) -> str:
    return " ".join(str(text or "").split())[:LONGEST]
