"""Rows of campaigns in the store: cards, versions, and the step from one status to the next.

Belongs here: single steps inside the caller's transaction. Stays out: what is allowed when (`library.py`), beyond
which status may follow which.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.plan import CampaignPlan, as_document, plan_hash
from dmat.campaigns.records import (
    CANCELLED,
    DRAFT,
    FINISHED,
    INCOMPLETE,
    MAY_FOLLOW,
    OVER,
    RUNNING,
    Campaign,
    find_campaign,
)
from dmat.campaigns.switching import switch_ledger, tell_outside
from dmat.errors import ConflictError, InvalidInputError
from dmat.segments.records import Use
from dmat.segments.rows import forget_uses, note_use
from dmat.store.campaign_tables import ALL, campaign_versions, campaigns
from dmat.store.tables import segments
from dmat.store.workspace_values import write_audit

LONGEST = {"name": 200, "folder": 200, "owner": 320, "description": 5000}
MOST_TAGS, LONGEST_TAG = 30, 60
USER_KIND = "campaign"


def insert_campaign(connection: Connection, card: dict[str, Any], by: str, now: datetime) -> int:
    """Write the card of a new draft; gives its number."""
    row = {"status": DRAFT, "version": 1, "created_at": now, "created_by": by, "updated_at": now, "updated_by": by}
    statement = sa.insert(campaigns).values(**card, **row).returning(campaigns.c.campaign_id)
    return int(connection.execute(statement).scalar_one())


def write_card(connection: Connection, campaign_id: int, values: dict[str, Any], by: str, now: datetime) -> None:
    """Set columns of a campaign."""
    values = {**values, "updated_at": now, "updated_by": by, "revision": campaigns.c.revision + 1}
    connection.execute(sa.update(campaigns).where(campaigns.c.campaign_id == campaign_id).values(values))


def keep_version(
    connection: Connection, campaign_id: int, version: int, plan: CampaignPlan, now: datetime, by: str, note: str
) -> None:
    """Write one version of a plan, make it the newest, and note which segments it uses."""
    row = {
        "campaign_id": campaign_id, "version": version, "plan": as_document(plan), "plan_hash": plan_hash(plan),
        "note": note, "created_at": now, "created_by": by,
    }  # fmt: skip
    connection.execute(sa.insert(campaign_versions).values(row))
    card = {"version": version, "starts_at": plan.starts_at, "ends_at": plan.ends_at}
    write_card(connection, campaign_id, card, by, now)
    note_segments(connection, campaign_id, plan, now)


def note_segments(connection: Connection, campaign_id: int, plan: CampaignPlan, now: datetime) -> None:
    """Note that a campaign uses the segments of its plan, and no others: they cannot be deleted meanwhile."""
    query = sa.select(campaigns.c.name).where(campaigns.c.campaign_id == campaign_id)
    use = Use(USER_KIND, str(campaign_id), str(connection.execute(query).scalar_one()))
    forget_uses(connection, use.kind, use.key)
    named = sa.select(segments.c.segment_id).where(segments.c.key.in_(sorted(plan.segments)))
    for row in connection.execute(named).all():
        note_use(connection, row[0], use, now)


def move_to(
    connection: Connection,
    campaign: Campaign,
    status: str,
    by: str,
    now: datetime,
    reason: str = "",
    recipients: int | None = None,
) -> Campaign:
    """Lead a campaign to another status, and its ledger with it.

    Raises:
        ConflictError: that status may not follow the present one.
    """
    number = campaign.campaign_id
    if status == campaign.status:
        return campaign
    if status not in MAY_FOLLOW[campaign.status]:
        allowed = ", ".join(sorted(MAY_FOLLOW[campaign.status])) or "nothing"
        raise ConflictError(f"campaign {number} is {campaign.status}: it cannot become {status} (allowed: {allowed})")
    values: dict[str, Any] = {"status": status, "status_reason": reason}
    if status == RUNNING:
        values |= {"running_version": campaign.version, "started_at": campaign.started_at or now, "ended_at": None}
    if status in (*OVER, INCOMPLETE):
        values["ended_at"] = now
    write_card(connection, number, values, by, now)
    if status in (FINISHED, CANCELLED):
        forget_uses(connection, USER_KIND, str(number))
    detail = {"from": campaign.status, "to": status, "reason": reason, "version": campaign.version}
    if recipients is not None:
        detail["recipients"] = recipients
    write_audit(connection, now, by, f"campaign {status}", str(number), **detail)
    moved = find_campaign(connection, number)
    switch_ledger(connection, moved, by, now)
    tell_outside(connection, moved, campaign.status, now)
    return moved


def remove_campaign(connection: Connection, campaign_id: int) -> None:
    """Take every row of a draft away; the audit trail keeps that it was there."""
    forget_uses(connection, USER_KIND, str(campaign_id))
    for table in reversed(ALL):
        connection.execute(sa.delete(table).where(table.c.campaign_id == campaign_id))


def clean_card(**card: Any) -> dict[str, Any]:
    """What is written on a campaign's card: text without spaces around, tags each once.

    Raises:
        InvalidInputError: a name that is no field of the card, or a text that is too long.
    """
    for name in card:
        if name not in {*LONGEST, "tags"}:
            raise InvalidInputError(name, "a campaign has no such field", ", ".join(sorted({*LONGEST, "tags"})))
    clean: dict[str, Any] = {name: _clean_text(name, value) for name, value in card.items() if name != "tags"}
    if "tags" in card:
        clean["tags"] = _clean_tags(card["tags"])
    return clean


def _clean_text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(field, "this is not text", "text")
    text = value.strip()
    if len(text) > LONGEST[field]:
        raise InvalidInputError(field, f"{len(text)} signs are too many", f"at most {LONGEST[field]}")
    if field == "name" and not text:
        raise InvalidInputError("name", "a campaign needs a name", "1 to 200 signs")
    return text


def _clean_tags(tags: Sequence[Any]) -> list[str]:
    kept = [] if isinstance(tags, str) else [tag.strip() for tag in tags if isinstance(tag, str) and tag.strip()]
    if isinstance(tags, str) or len(kept) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in kept):
        raise InvalidInputError("tags", "not a list of short texts", f"{MOST_TAGS} of at most {LONGEST_TAG} signs")
    return list(dict.fromkeys(kept))
