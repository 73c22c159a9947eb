"""Where the composer and the monitor keep what they change: the library of campaigns and drafts, behind one face.

Belongs here: one name for each button. Stays out: what a button may do (`dmat/campaigns/library.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dmat.campaigns.drafts import DRAFTS
from dmat.campaigns.library import CampaignLibrary
from dmat.campaigns.records import Campaign
from dmat.errors import NotFoundError
from dmat.store.drafts import Draft

SCOPES = {
    "submit": "campaigns:send", "schedule": "campaigns:send", "unschedule": "campaigns:send",
    "start": "campaigns:send", "pause": "campaigns:send", "resume": "campaigns:send", "cancel": "campaigns:send",
    "approve": "campaigns:approve", "refuse": "campaigns:approve",
}  # fmt: skip
"""What each button needs."""


class Keeping:
    """The campaigns and drafts of one workspace."""

    def __init__(self, library: CampaignLibrary) -> None:
        self.library = library

    def now(self) -> datetime:
        """The workspace's time."""
        return self.library.clock.now()

    def update(self, campaign_id: int, **values: Any) -> Campaign:
        """A new version of the plan, or a new name."""
        return self.library.update(campaign_id, **values)

    def act(self, name: str, campaign_id: int, by: str, words: str = "") -> Campaign:
        """What a button says; `words` are the comment or the reason.

        Raises:
            NotFoundError: there is no such button.
        """
        if name not in SCOPES:
            raise NotFoundError(f"there is nothing called {name!r} to do with a campaign")
        if name in {"submit", "approve", "refuse"}:
            return getattr(self.library, name)(campaign_id, by, words)  # type: ignore[no-any-return]
        if name in {"unschedule", "pause", "cancel"}:
            return getattr(self.library, name)(campaign_id, by, words)  # type: ignore[no-any-return]
        return getattr(self.library, name)(campaign_id, by)  # type: ignore[no-any-return]

    def keep_draft(self, user: str, campaign_id: int, document: dict[str, Any], version: int) -> Draft:
        """Keep what an editor holds."""
        return DRAFTS.save(self.library.store, user, campaign_id, document, self.now(), version)

    def find_draft(self, user: str, campaign_id: int) -> Draft | None:
        """What this user did not save, or None."""
        return DRAFTS.load(self.library.store, user, campaign_id)

    def drop_draft(self, user: str, campaign_id: int) -> None:
        """Forget it."""
        DRAFTS.drop(self.library.store, user, campaign_id)
