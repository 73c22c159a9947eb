"""Does what is called finished add up? Sent + failed + suppressed + held out + expired = audience, step by step.

Belongs here: that comparison. Stays out: counting (`dmat/ledger/control.py`), Dagster (`assets.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from dmat.ledger.control import standing
from dmat.store import Store
from dmat.store.campaign_tables import campaigns

FINISHED = "finished"


@dataclass
class AddingUp:
    """What was found.

    Attributes:
        finished_count: campaigns that are called finished.
        messages: their messages.
        open: campaign -> how many of its messages have not come to an end although it is called finished.
    """

    finished_count: int = 0
    messages: int = 0
    open: dict[str, int] = field(default_factory=dict)


def look_at_finished(store: Store) -> AddingUp:
    """Look at every campaign that is called finished."""
    found = AddingUp()
    query = sa.select(campaigns.c.campaign_id).where(campaigns.c.status == FINISHED)
    with store.read() as connection:
        numbers: list[int] = list(connection.execute(query).scalars())
    for number in numbers:
        programme = f"campaign:{number}"
        reports = standing(store, programme).values()
        found.finished_count += 1
        found.messages += sum(report.audience for report in reports)
        still = sum(report.waiting + report.ambiguous for report in reports)
        if still:
            found.open[programme] = still
    return found
