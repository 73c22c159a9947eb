"""Consent of the warehouse comes into the store, where the gate asks for it.

Belongs here: which people have new decisions since the last time. Stays out: which decision wins
(`dmat/consent/permission.py`). Whoever is about to be written to is brought in again by planning itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from dmat.channels.retargeting import take_off_withdrawn
from dmat.consent.permission import sync_consent
from dmat.errors import PermanentError, TransientError
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.workspace_values import get_value, set_value
from dmat.warehouse import Workspace

WATERMARK = "consent_synced_until"
OVERLAP = timedelta(days=2)  # sources tell of a decision some time after it was made


def sync_new_consent(settings: Settings, store: Store, view: Workspace) -> int:
    """Bring decisions made since the last sync into the store; gives how many were read.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    last = get_value(store, WATERMARK)
    since = datetime.fromisoformat(str(last)) - OVERLAP if last else datetime.min
    rows = view.rows(
        "select person_id, max(decided_at) as decided_at from consent.person_channel_consent"
        " where decided_at > ? group by person_id",
        [since],
    )
    now = settings.clock.now()
    count = sync_consent(store, view, [int(row["person_id"]) for row in rows], now)
    if rows:
        newest = min(now, max(row["decided_at"] for row in rows))
        set_value(store, WATERMARK, newest.isoformat(), now, by="decide")
    return count


def withdraw_from_lists(settings: Settings, store: Store) -> dict[str, int | str]:
    """Take whoever agrees no more off the advertisers' lists; what did not go is done the next time."""
    try:
        return {"taken_off_lists": take_off_withdrawn(settings, store)}
    except (PermanentError, TransientError) as error:
        return {"taken_off_lists": 0, "lists_problem": str(error)}
