"""The values of the mail that asks somebody to confirm that they want our messages.

Belongs here: those values. Stays out: who is asked and when (`dmat/consent/double_opt_in.py`), the words (templates).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from dmat.campaigns.pace import find_zone
from dmat.errors import InvalidInputError
from dmat.messages.links import Links
from dmat.settings import Settings


def opt_in_values(
    settings: Settings, context: Mapping[str, Any], unsubscribe_url: str, _link: Callable[[str], str]
) -> dict[str, Any]:
    """The values; the link to confirm is made here, so that no copy of the ledger can confirm anything.

    Raises:
        InvalidInputError: the entry does not say which asking it belongs to.
    """
    opt_in_id = context.get("opt_in_id")
    if not isinstance(opt_in_id, str) or not opt_in_id:
        raise InvalidInputError("opt_in_id", "it is missing", "the id of an asking")
    expires_at = datetime.fromisoformat(str(context["expires_at"]))
    zone = find_zone(settings.workspace_time_zone)
    return {
        "wanted": str(context.get("wanted") or "our messages")[:200],
        "expires": f"{expires_at.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})",
        "confirm_url": Links(settings).opt_in_url(opt_in_id),
        "shop": {"name": settings.sender_name, "postal_address": settings.postal_address},
        "unsubscribe_url": unsubscribe_url,
    }
