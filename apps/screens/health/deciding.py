"""What an administrator decides on Health: that a store which was copied or put back sends, and that a webhook from
quarantine is read again.

Belongs here: asking for it, and saying what came of it. Stays out: the fence (`dmat/ledger/fence.py`), verifying and
reading (`apps/api/reading.py`).
"""

from __future__ import annotations

from apps.api.reading import read_again
from apps.context import Context
from apps.parts.words import plural
from dmat.errors import InvalidInputError, NotFoundError, UnverifiedError
from dmat.ledger.fence import confirm
from dmat.ledger.receive import receive_within
from dmat.store.quarantine import get_refused, mark_replayed
from dmat.store.users import User
from dmat.store.workspace_values import write_audit

Said = tuple[str, str]
"""Tone and words."""
NOT_YOURS: Said = ("warning", "Only an administrator decides that.")


def let_send(context: Context, user: User, *, drop_overdue: bool) -> Said:
    """The yes for this folder; what has waited for more than two hours leaves too, or never does."""
    if not user.may():
        return NOT_YOURS
    confirm(context.settings, context.store, user.email, drop_overdue=drop_overdue, now=context.now())
    return "success", "This workspace sends again, within seconds."


def read_quarantined(context: Context, user: User, quarantine_id: int) -> Said:
    """Verify and read a webhook again, for instance after a key was corrected."""
    if not user.may():
        return NOT_YOURS
    try:
        parsed = read_again(context.settings, get_refused(context.store, quarantine_id))
    except (UnverifiedError, InvalidInputError, NotFoundError) as error:
        return "danger", f"Still refused: {error}"
    now = context.now()
    with context.store.write() as connection:
        fresh = receive_within(connection, parsed.events, now)
        mark_replayed(connection, quarantine_id, now)
        write_audit(connection, now, user.email, "webhook read again from quarantine", str(quarantine_id))
    return "success", f"Taken in: {len(fresh)} new of {plural(len(parsed.events), 'event')}."
