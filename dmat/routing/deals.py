"""Deals of the CRM: a lead that sales qualified gets one, and its stage follows the lead until it is won or lost.

Belongs here: which leads need one and what it says. Stays out: pushing (`dmat/scoring/pushing.py`), the vendor
(`dmat/connectors/hubspot.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.routing.reps import read_reps
from dmat.scoring.leads import Lead, leads_of
from dmat.scoring.pushing import DONE, HUBSPOT_DEAL, WAITING, plan_push
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.lead_tables import lead_pushes, leads

STAGES = {"qualified": "qualifiedtobuy", "won": "closedwon", "lost": "closedlost"}
"""Status of a lead -> stage of HubSpot's default pipeline."""
AT_ONCE = 200


def plan_deals(settings: Settings, store: Store, now: datetime) -> int:
    """Plan the deals of leads whose status changed since; gives how many. Twice gives once.

    A lead that was lost before it was qualified never had a deal, and gets none.
    """
    if not settings.is_connected("hubspot"):
        return 0
    with store.read() as connection:
        wanted = _wanted(connection)
    if wanted:
        with store.write() as connection:
            owners = {rep.rep_key: rep.crm_owner_id for rep in read_reps(connection)}
            for lead in leads_of(connection, wanted).values():
                _drop_waiting(connection, lead.lead_id, now)
                payload = crm_deal(lead, owners.get(lead.assigned_to or "", ""))
                plan_push(connection, _key(lead.lead_id, lead.status), HUBSPOT_DEAL, lead.lead_id, payload, now)
    return len(wanted)


def _drop_waiting(connection: Connection, lead_id: int, now: datetime) -> None:
    """What waits of an older status is not pushed any more: it would set the stage back."""
    table = lead_pushes.c
    waits = sa.and_(table.lead_id == lead_id, table.kind == HUBSPOT_DEAL, table.state == WAITING)
    values = {"state": DONE, "done_at": now, "last_error": "a newer status came first"}
    connection.execute(sa.update(lead_pushes).where(waits).values(values))


def _key(lead_id: int, status: str) -> str:
    return f"hubspot_deal:{lead_id}:{status}"


def _wanted(connection: Connection) -> list[int]:
    """Leads with a status that their deal does not have yet."""
    table = leads.c
    told, any_deal = lead_pushes.alias("told"), lead_pushes.alias("any_deal")
    key = sa.literal("hubspot_deal:") + sa.cast(table.lead_id, sa.String) + sa.literal(":") + table.status
    is_told = sa.select(told.c.push_id).where(told.c.lead_id == table.lead_id, told.c.push_key == key)
    has_deal = sa.select(any_deal.c.push_id).where(
        any_deal.c.lead_id == table.lead_id, any_deal.c.kind == HUBSPOT_DEAL
    )  # fmt: skip
    query = sa.select(table.lead_id).where(
        table.status.in_(STAGES), sa.not_(is_told.exists()), sa.or_(table.status != "lost", has_deal.exists())
    )
    found: list[int] = list(connection.execute(query.order_by(table.lead_id).limit(AT_ONCE)).scalars())
    return found


def crm_deal(lead: Lead, owner: str) -> dict[str, Any]:
    """The deal of a lead: standard properties of HubSpot; its name carries the lead's number, by which it is found."""
    name = f"{lead.company_name or lead.name or lead.email} (lead {lead.lead_id})"
    closed = f"{lead.status_at:%Y-%m-%dT%H:%M:%SZ}" if lead.status in ("won", "lost") else ""
    properties = {
        "dealstage": STAGES[lead.status],
        "pipeline": "default",
        "hubspot_owner_id": owner,
        "closedate": closed,
    }
    return {"email": lead.email, "name": name, "properties": properties}
