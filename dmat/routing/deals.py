"""Deals of the CRMs: a lead that sales qualified gets one, and its stage follows the lead until it is won or lost.

Belongs here: which leads need one. Stays out: what a deal says (`crm.py`), pushing (`dmat/scoring/pushing.py`), the
vendors (`dmat/connectors`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.routing.crm import Crm, connected_crms
from dmat.routing.reps import read_reps
from dmat.scoring.leads import leads_of
from dmat.scoring.pushing import DONE, WAITING, plan_push
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.lead_tables import lead_pushes, leads

AT_ONCE = 200


def plan_deals(settings: Settings, store: Store, now: datetime) -> int:
    """Plan the deals of leads whose status changed since; gives how many. Twice gives once.

    A lead that was lost before it was qualified never had a deal, and gets none.
    """
    return sum(_plan_of(crm, store, now) for crm in connected_crms(settings))


def _plan_of(crm: Crm, store: Store, now: datetime) -> int:
    with store.read() as connection:
        wanted = _wanted(connection, crm)
    if wanted:
        with store.write() as connection:
            _plan(connection, crm, wanted, now)
    return len(wanted)


def _plan(connection: Connection, crm: Crm, wanted: Sequence[int], now: datetime) -> None:
    owners = {rep.rep_key: rep.crm_owner_id for rep in read_reps(connection)}
    for lead in leads_of(connection, wanted).values():
        _drop_waiting(connection, crm, lead.lead_id, now)
        payload = crm.deal_of(lead, owners.get(lead.assigned_to or "", ""))
        key = f"{crm.deal}:{lead.lead_id}:{lead.status}:{lead.status_at:%Y%m%dT%H%M%S}"
        plan_push(connection, key, crm.deal, lead.lead_id, payload, now)


def _drop_waiting(connection: Connection, crm: Crm, lead_id: int, now: datetime) -> None:
    """What waits of an older status is not pushed any more: it would set the stage back."""
    table = lead_pushes.c
    waits = sa.and_(table.lead_id == lead_id, table.kind == crm.deal, table.state == WAITING)
    values = {"state": DONE, "done_at": now, "last_error": "a newer status came first"}
    connection.execute(sa.update(lead_pushes).where(waits).values(values))


def _wanted(connection: Connection, crm: Crm) -> list[int]:
    """Leads with a status that their deal was not told since they have it; they may come to one a second time."""
    table = leads.c
    told, any_deal = lead_pushes.alias("told"), lead_pushes.alias("any_deal")
    key = sa.literal(f"{crm.deal}:") + sa.cast(table.lead_id, sa.String) + sa.literal(":") + table.status
    is_told = sa.select(told.c.push_id).where(
        told.c.lead_id == table.lead_id, told.c.push_key.startswith(key), told.c.created_at >= table.status_at
    )
    has_deal = sa.select(any_deal.c.push_id).where(any_deal.c.lead_id == table.lead_id, any_deal.c.kind == crm.deal)
    query = sa.select(table.lead_id).where(
        table.status.in_(crm.stages), sa.not_(is_told.exists()), sa.or_(table.status != "lost", has_deal.exists())
    )
    found: list[int] = list(connection.execute(query.order_by(table.lead_id).limit(AT_ONCE)).scalars())
    return found
