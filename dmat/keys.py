"""Keys of what people name: small letters, digits and dashes, made of the name.

Belongs here: making them. Stays out: which keys a thing may have (its own rules).
"""

from __future__ import annotations

import re
from collections.abc import Collection


def key_of(name: str, longest: int = 60) -> str:
    """Fewer orders in Spain -> fewer-orders-in-spain; empty for a name without one of these letters or digits."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:longest].rstrip("-")


def own_key(wanted: str, keys: Collection[str]) -> str:
    """A key that nothing else has: jo-doe, jo-doe-2."""
    number = 1
    while (key := wanted if number == 1 else f"{wanted[:55]}-{number}") in keys:
        number += 1
    return key
