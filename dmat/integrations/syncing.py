"""Asking for a capture of the CRM now instead of at the next full hour.

Belongs here: the wish, and that it was done. Stays out: carrying it out (`sensors/crm_sync_asked.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dmat.errors import ConflictError
from dmat.routing.crm import CRMS, connected_crms
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.workspace_values import get_value, set_value, write_audit

ASKED, DONE = "crm_sync_asked", "crm_sync_done"


@dataclass(frozen=True)
class Sync:
    """A capture of CRMs that somebody asked for; `done_at` is None until it is over."""

    asked_at: datetime
    crms: tuple[str, ...]
    done_at: datetime | None = None
    problem: str = ""


def ask_for_sync(settings: Settings, store: Store, by: str) -> Sync:
    """Ask for it; asked twice before it was done, it is done once.

    Raises:
        ConflictError: no CRM is connected.
    """
    crms = tuple(crm.vendor for crm in connected_crms(settings))
    if not crms:
        names = " or ".join(f"DMAT_{crm.vendor.upper()}_URL" for crm in CRMS)
        raise ConflictError(f"no CRM is connected: set {names} first")
    now = settings.clock.now()
    set_value(store, ASKED, now.isoformat(), now, by)
    with store.write() as connection:
        write_audit(connection, now, by, "capture of the CRM asked for", ", ".join(crms))
    return Sync(now, crms)


def last_sync(settings: Settings, store: Store) -> Sync | None:
    """The newest wish, and whether it was done; None when nobody ever asked."""
    asked = get_value(store, ASKED)
    if not asked:
        return None
    done = get_value(store, DONE) or {}
    is_done = done.get("asked_at", "") >= asked
    done_at = datetime.fromisoformat(done["at"]) if is_done else None
    crms = tuple(crm.vendor for crm in connected_crms(settings))
    return Sync(datetime.fromisoformat(asked), crms, done_at, done["problem"] if is_done else "")


def waiting_sync(settings: Settings, store: Store) -> Sync | None:
    """The wish that is still to be done."""
    found = last_sync(settings, store)
    return found if found is not None and found.done_at is None and found.crms else None


def mark_synced(settings: Settings, store: Store, sync: Sync, problem: str = "") -> None:
    """Say that a wish was done, or why it could not be."""
    now = settings.clock.now()
    set_value(store, DONE, {"asked_at": sync.asked_at.isoformat(), "at": now.isoformat(), "problem": problem}, now)
