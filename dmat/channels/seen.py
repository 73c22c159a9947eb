"""What visitors saw on the site: views of banners and in-app messages, each once, however often the browser tells.

Belongs here: keeping views and asking whether a visitor saw enough of something. Stays out: choosing (`banner.py`,
`in_app.py`), counters and the warehouse (views reach both as events of the inbox).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.channels.banner import Placement
from dmat.store.engine import upsert
from dmat.store.web_tables import web_views

KINDS = ("shown", "clicked", "closed")


@dataclass(frozen=True)
class View:
    """One view: something was on one visitor's screen."""

    view_id: str
    placement_id: str
    message_id: str
    visitor: str
    person_id: int = 0
    page_url: str = ""


def note_view(connection: Connection, view: View, kind: str, now: datetime) -> None:
    """Keep that a view was shown, clicked or closed, inside the caller's transaction; the first time counts."""
    row = view.__dict__ | {"shown_at": now, "clicked_at": None, "closed_at": None}
    statement = upsert(connection, web_views).values(row)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["view_id"]))
    if kind in {"clicked", "closed"}:
        column = web_views.c[f"{kind}_at"]
        connection.execute(
            sa.update(web_views).where(web_views.c.view_id == view.view_id, column.is_(None)).values({column: now})
        )


def seen_enough(
    connection: Connection, placements: Sequence[Placement], visitor: str, now: datetime
) -> dict[str, bool]:
    """Placement id -> whether the visitor saw it as often as its cap allows, or closed it within its days."""
    if not placements:
        return {}
    table, longest = web_views.c, max(each.cap_days for each in placements)
    query = sa.select(table.placement_id, table.shown_at, table.closed_at).where(
        table.visitor == visitor,
        table.placement_id.in_([each.placement_id for each in placements]),
        table.shown_at > now - timedelta(days=longest),
    )
    views: dict[str, list[tuple[datetime, bool]]] = {}
    for row in connection.execute(query):
        views.setdefault(row.placement_id, []).append((row.shown_at, row.closed_at is not None))
    return {each.placement_id: _is_enough(each, views.get(each.placement_id, []), now) for each in placements}


def _is_enough(placement: Placement, views: Sequence[tuple[datetime, bool]], now: datetime) -> bool:
    recent = [is_closed for at, is_closed in views if at > now - timedelta(days=placement.cap_days)]
    return len(recent) >= placement.cap_count or any(recent)


def was_shown(connection: Connection, message_id: str) -> str | None:
    """The view in which a message was shown, or None."""
    found: str | None = connection.execute(
        sa.select(web_views.c.view_id).where(web_views.c.message_id == message_id).limit(1)
    ).scalar()
    return found
