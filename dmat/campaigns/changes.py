"""What was changed about a campaign while it runs: a channel paused, fewer texts, a banner shown more often, a budget.

Belongs here: these changes as data, and reading what they mean for planning. Stays out: deciding them
(`coordination.py`, `watching.py`); the plan stays as it was approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.records import programme_of
from dmat.store.campaign_tables import campaign_changes
from dmat.store.engine import rows_of, upsert
from dmat.store.tables import programmes
from dmat.store.workspace_values import write_audit

CHANNEL_PAUSED, REST_DAYS, IMPRESSIONS, BUDGET = "channel_paused", "rest_days", "impressions", "budget_cents"


@dataclass(frozen=True)
class Change:
    """One change: of what kind, on which channel, to which value, why, by whom."""

    campaign_id: int
    kind: str
    channel: str
    value: Any
    because: str
    changed_at: datetime
    changed_by: str


def put_change(connection: Connection, change: Change) -> None:
    """Make a change; one of the same kind and channel before it is replaced."""
    row = vars(change)
    statement = upsert(connection, campaign_changes).values(row)
    keys = ["campaign_id", "kind", "channel"]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=row))
    subject = str(change.campaign_id)
    facts = {"kind": change.kind, "channel": change.channel, "value": change.value, "because": change.because}
    write_audit(connection, change.changed_at, change.changed_by, "campaign adjusted", subject, **facts)


def drop_change(connection: Connection, campaign_id: int, kind: str, channel: str, by: str, now: datetime) -> None:
    """Take a change back."""
    table = campaign_changes.c
    statement = sa.delete(campaign_changes).where(
        table.campaign_id == campaign_id, table.kind == kind, table.channel == channel
    )
    if connection.execute(statement).rowcount:
        facts = {"kind": kind, "channel": channel}
        write_audit(connection, now, by, "campaign adjustment taken back", str(campaign_id), **facts)


def read_changes(connection: Connection, campaign_id: int) -> list[Change]:
    """What was changed about a campaign."""
    query = sa.select(campaign_changes).where(campaign_changes.c.campaign_id == campaign_id)
    return [Change(**row) for row in rows_of(connection, query.order_by("kind", "channel"))]


def pause_channel(connection: Connection, campaign_id: int, channel: str, because: str, by: str, now: datetime) -> None:
    """Plan no further step of a channel, and let nothing of it leave at the gate."""
    put_change(connection, Change(campaign_id, CHANNEL_PAUSED, channel, True, because, now, by))
    _switch(connection, campaign_id, channel, True, because, now)


def resume_channel(connection: Connection, campaign_id: int, channel: str, by: str, now: datetime) -> None:
    """Let a channel go on."""
    drop_change(connection, campaign_id, CHANNEL_PAUSED, channel, by, now)
    _switch(connection, campaign_id, channel, False, "", now)


def _switch(
    connection: Connection, campaign_id: int, channel: str, is_paused: bool, because: str, now: datetime
) -> None:
    row: Mapping[str, Any] = {
        "programme": f"{programme_of(campaign_id)}/{channel}", "version": 1, "is_paused": is_paused,
        "paused_reason": because, "updated_at": now,
    }  # fmt: skip
    statement = upsert(connection, programmes).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["programme"], set_=row))


def paused_channels(connection: Connection, campaign_id: int) -> dict[str, str]:
    """Channel -> why, for those that are paused."""
    return {c.channel: c.because for c in read_changes(connection, campaign_id) if c.kind == CHANNEL_PAUSED}


def rest_days(connection: Connection, campaign_id: int, channel: str) -> int:
    """Within how many days nobody gets this channel of the campaign twice; 0 when there is no such rule."""
    found = [c.value for c in read_changes(connection, campaign_id) if c.kind == REST_DAYS and c.channel == channel]
    return int(found[0]) if found else 0


def impressions_factor(connection: Connection, campaign_id: int, channel: str) -> float:
    """How many times as often as planned one visitor sees what a channel shows; 1 when there is no such rule."""
    found = [c.value for c in read_changes(connection, campaign_id) if c.kind == IMPRESSIONS and c.channel == channel]
    return float(found[0]) if found else 1.0
