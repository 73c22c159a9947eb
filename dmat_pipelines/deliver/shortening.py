"""Signed links of texts become short ones, since each sign of a text is paid.

Belongs here: finding them in what was filled in for each person, and putting the short ones in their place, before the
message is kept and sent. Stays out: short links themselves (`dmat/messages/short_links.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dmat.messages.links import Links
from dmat.messages.short_links import Pair, ShortLinks
from dmat.settings import Settings
from dmat.store import Store

CHANNELS = frozenset({"sms"})


class Shortener:
    """Shortens the links of one workspace; safe to share between threads."""

    def __init__(self, settings: Settings, store: Store, links: Links) -> None:
        self._store, self._links, self._short = store, links, ShortLinks(settings, store)
        base = re.escape(settings.resolved_public_url.rstrip("/"))
        self._signed = re.compile(rf"{base}/c/([\w.-]+)")

    def __call__(self, filled: Sequence[Any], now: datetime) -> list[Any]:
        """What was filled in for each person (or why it could not be), with short links; asked again, the same ones."""
        found: dict[str, Pair] = {}
        for person in filled:
            if isinstance(person, dict):
                found |= {match[0]: self._links.read_click(match[1]) for match in self._matches(person)}
        if not found:
            return list(filled)
        with self._store.write() as connection:
            made = self._short.make(connection, list(found.values()), now)
        urls = {signed: made[pair] for signed, pair in found.items()}
        return [
            {mark: self._signed.sub(lambda match: urls[match[0]], text) for mark, text in person.items()}
            if isinstance(person, dict)
            else person
            for person in filled
        ]

    def _matches(self, person: dict[str, str]) -> list[re.Match[str]]:
        return [match for text in person.values() for match in self._signed.finditer(text)]
