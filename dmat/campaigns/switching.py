"""What a campaign's status means for the ledger and for the world: pause, go on, end, tell.

Belongs here: carrying a change of status over, inside its transaction. Stays out: which change is allowed
(`library_rows.py`), sending.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.records import CANCELLED, FINISHED, INCOMPLETE, PAUSED, RUNNING, Campaign
from dmat.channels.banner import stop_placements
from dmat.outgoing.outbox import emit
from dmat.store.engine import upsert
from dmat.store.tables import programmes


def switch_ledger(connection: Connection, campaign: Campaign, by: str, now: datetime) -> None:
    """Let the ledger's programme stand as the campaign stands."""
    if campaign.status not in (RUNNING, PAUSED, CANCELLED):
        return
    is_paused = campaign.status != RUNNING
    reason = campaign.status_reason or f"{campaign.status} by {by}" if is_paused else ""
    row = {
        "programme": campaign.programme, "version": campaign.running_version or campaign.version,
        "is_paused": is_paused, "paused_reason": reason, "updated_at": now,
    }  # fmt: skip
    statement = upsert(connection, programmes).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["programme"], set_=row))
    if campaign.status == CANCELLED:
        stop_placements(connection, campaign.programme, now=now)


_TOLD = {RUNNING: "campaign.started", PAUSED: "campaign.paused", FINISHED: "campaign.finished"}


def tell_outside(connection: Connection, campaign: Campaign, before: str, now: datetime) -> None:
    """Tell those who listen from outside: started, paused, finished; going on after a pause is no start."""
    kind = _TOLD.get(campaign.status)
    if kind is None or (campaign.status == RUNNING and before in (PAUSED, INCOMPLETE)):
        return
    payload = {"campaign_id": campaign.campaign_id, "name": campaign.name, "status": campaign.status}
    emit(
        connection, kind, f"{campaign.campaign_id}:{campaign.version}:{campaign.status}:{now.isoformat()}", payload, now
    )


def is_paused(connection: Connection, programme: str) -> bool:
    """Whether the ledger's programme is paused: by a person, or because errors or complaints were too many."""
    query = sa.select(programmes.c.is_paused).where(programmes.c.programme == programme)
    return bool(connection.execute(query).scalar())
