"""Drafts of templates: what an editor holds and has not been saved as a version.

Belongs here: keeping them in the store, one for each user and template. Stays out: versions (`dmat/messages/library`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dmat.clock import Clock
from dmat.store import Store
from dmat.store.workspace_values import get_value, set_value


@dataclass(frozen=True)
class Draft:
    """What was kept, on which version it was made, and when."""

    document: dict[str, Any]
    version: int
    kept_at: datetime


class Drafts:
    """The drafts of one workspace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    def keep(self, user: str, key: str, document: dict[str, Any], version: int) -> Draft:
        """Keep what an editor holds."""
        now = self.clock.now()
        value = {"document": document, "version": version, "kept_at": now.isoformat()}
        set_value(self.store, _name(user, key), value, now, user)
        return Draft(document, version, now)

    def find(self, user: str, key: str) -> Draft | None:
        """What this user did not save of a template, or None."""
        value = get_value(self.store, _name(user, key))
        if not value:
            return None
        return Draft(value["document"], int(value["version"]), datetime.fromisoformat(value["kept_at"]))

    def drop(self, user: str, key: str) -> None:
        """Forget it."""
        set_value(self.store, _name(user, key), None, self.clock.now(), user)


def _name(user: str, key: str) -> str:
    return f"template_draft:{user}:{key}"
