"""Abandoned carts become planned messages.

Belongs here: counting what is due (cheap, for sensors) and planning it. Stays out: the rule itself
(`dmat/campaigns/cart_recovery.py`).
"""

from __future__ import annotations

import sqlalchemy as sa

from dmat.campaigns.cart_recovery import PROGRAMME, TOO_OLD, UNTOUCHED, PlanReport, plan
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.engine import chunks
from dmat.store.tables import ledger_entries
from dmat.warehouse import Workspace

_DUE = """
    select cart_id from commerce.fct_carts
    where status = 'open' and contact_email is not null and person_id is not null
        and last_touched_at <= ? and last_touched_at > ?
"""


def count_due_carts(settings: Settings, store: Store, view: Workspace) -> int:
    """How many carts are due and not in the ledger yet.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    now = settings.clock.now()
    carts = {str(row["cart_id"]) for row in view.rows(_DUE, [now - UNTOUCHED, now - TOO_OLD])}
    with store.read() as connection:
        for batch in chunks(sorted(carts)):
            known = sa.select(ledger_entries.c.occurrence).where(
                ledger_entries.c.programme == PROGRAMME, ledger_entries.c.occurrence.in_(batch)
            )
            carts -= set(connection.execute(known).scalars())
    return len(carts)


def plan_due_carts(settings: Settings, store: Store, view: Workspace) -> PlanReport:
    """Plan a message for every cart that is due; twice plans nothing twice.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    return plan(store, view, settings.clock.now())
