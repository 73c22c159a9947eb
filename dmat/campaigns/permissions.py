"""Consent of an audience comes into the store before its messages are planned, so that the gate finds it there.

Belongs here: which decisions of the warehouse the store lacks, for many people at once. Stays out: which decision wins
and the answer (`dmat/consent/permission.py`).
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from dmat.campaigns.audience import Ids
from dmat.consent.permission import Decision, record_decisions
from dmat.store.engine import Store, chunks
from dmat.store.tables import consents
from dmat.warehouse import Workspace

ROWS_AT_ONCE = 20_000
_NEWS = """
    select
        decided.person_id, decided.channel, decided.purpose, decided.is_granted, decided.decided_at,
        coalesce(decided.source, '') as source, coalesce(decided.evidence, '') as evidence
    from consent.person_channel_consent as decided
    inner join frozen_people on decided.person_id = frozen_people.person_id
    left join known on decided.person_id = known.person_id and decided.purpose = known.purpose
    where
        decided.channel = ? and decided.decided_at is not null
        and (
            known.person_id is null or decided.decided_at > known.decided_at
            or (decided.decided_at = known.decided_at and known.is_granted and not decided.is_granted)
        )
"""
_COLUMNS = ("person_id", "channel", "purpose", "is_granted", "decided_at", "source", "evidence")


def bring_consent(store: Store, workspace: Workspace, people: Ids, channel: str, now: datetime) -> int:
    """Write the decisions of these people on a channel that the store lacks; gives how many those were."""
    cursor = workspace.cursor()
    cursor.register("frozen_people", pa.table({"person_id": people}))
    cursor.register("known", _known(store, channel))
    found = cursor.execute(_NEWS, [channel]).fetchall()
    for batch in chunks(found, ROWS_AT_ONCE):
        with store.write() as connection:
            decisions = [Decision(**dict(zip(_COLUMNS, row, strict=True))) for row in batch]
            record_decisions(connection, decisions, now)
    return len(found)


def _known(store: Store, channel: str) -> pa.Table:
    table = consents.c
    query = sa.select(table.person_id, table.purpose, table.is_granted, table.decided_at).where(
        table.channel == channel
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
    types = (pa.int64(), pa.string(), pa.bool_(), pa.timestamp("us"))
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    names = ("person_id", "purpose", "is_granted", "decided_at")
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})
