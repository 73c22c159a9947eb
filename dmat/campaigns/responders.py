"""People who responded to a campaign, and how many of them sales may want.

Belongs here: counting them. Stays out: what became of each message (`monitor.py`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from dmat.campaigns.records import programme_of
from dmat.errors import NotPublishedError
from dmat.store.engine import Store
from dmat.store.tables import ledger_entries, message_marks
from dmat.warehouse import Workspace

RESPONSES = ("clicked_human", "replied")
QUALIFIED = "select count(*) from people.dim_people inner join responders using (person_id) where lifecycle in (?, ?)"
STAGES = ("lead", "opportunity")


def count_responders(store: Store, workspace: Workspace, campaign_id: int) -> tuple[int, int]:
    """How many people clicked or replied, and how many of them are leads or opportunities now."""
    table = ledger_entries.c
    query = (
        sa.select(table.person_id)
        .distinct()
        .join(message_marks, message_marks.c.message_id == table.message_id)
        .where(table.programme == programme_of(campaign_id), message_marks.c.kind.in_(RESPONSES))
    )
    with store.read() as connection:
        people = np.fromiter(connection.execute(query).scalars(), np.int64)
    if not len(people):
        return 0, 0
    try:
        cursor = workspace.cursor()
        cursor.register("responders", pa.table({"person_id": people}))
        found = cursor.execute(QUALIFIED, list(STAGES)).fetchone()
    except NotPublishedError:
        return len(people), 0
    return len(people), int(found[0]) if found else 0
