"""In-app messages of journeys: where on the site they are shown, and whose browsers are known.

Belongs here: a placement for each step that sends one. Stays out: giving a message to a browser
(`dmat/channels/in_app.py`), what it says (its template).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dmat.channels.banner import Placement, put_placement
from dmat.channels.in_app import CLIENT_IDS_SQL, remember_visitors
from dmat.journeys.entries import Source
from dmat.journeys.records import JourneyVersion
from dmat.journeys.steps import Send
from dmat.ledger.post import NewEntry


def show_on_site(source: Source, live: JourneyVersion, step: Send, rows: Sequence[NewEntry], now: datetime) -> None:
    """Let the site show the messages of a step, and know the browsers of these people.

    Every message carries its own end; the step is on the site for as long as the journey goes on.
    """
    visitors = source.desk.workspace.rows(CLIENT_IDS_SQL, [sorted({row.person_id for row in rows})])
    with source.store.write() as connection:
        remember_visitors(connection, [(row["client_id"], row["person_id"]) for row in visitors], "warehouse", now)
        for variant in sorted({row.variant for row in rows}):
            placement = Placement(
                channel=step.channel, programme=live.definition.programme, programme_version=live.version,
                step=step.key, variant=variant, position=step.style, starts_at=now, cap_count=1,
                priority=live.definition.priority,
            )  # fmt: skip
            put_placement(connection, placement, now)
