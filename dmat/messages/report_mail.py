"""The values of a mail with a report.

Belongs here: those values. Stays out: what a report says and who gets it (`dmat/reports`), the words (templates).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dmat.errors import InvalidInputError
from dmat.settings import Settings

LONGEST = 500


def report_values(
    settings: Settings, context: Mapping[str, Any], unsubscribe_url: str, _link: Callable[[str], str]
) -> dict[str, Any]:
    """The values; texts are cut.

    Raises:
        InvalidInputError: the entry has no title.
    """
    if not context.get("title"):
        raise InvalidInputError("title", "it is missing", "the name of the report")
    return {
        "title": _cut(context["title"]), "days": _cut(context.get("days")),
        "figures": [[_cut(part) for part in figure] for figure in context.get("figures") or () if len(figure) == 3],
        "insights": [_cut(words) for words in context.get("insights") or ()],
        "url": str(context.get("url") or ""), "pdf_url": str(context.get("pdf_url") or ""),
        "origin": _cut(context.get("origin")),
        "shop": {"name": settings.sender_name, "postal_address": settings.postal_address},
        "unsubscribe_url": unsubscribe_url,
    }  # fmt: skip


def _cut(text: Any) -> str:
    return " ".join(str(text or "").split())[:LONGEST]
