"""The programme on its way to the warehouse: members, lines of the ledger, offers that were granted.

Belongs here: which rows changed since they were exported, and marking them. Stays out: landing them
(`dmat_pipelines/capture/leads.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.scoring.exporting import mark_exported, unexported
from dmat.store.engine import Store, chunks, rows_of
from dmat.store.loyalty_tables import loyalty_entries, loyalty_grants, loyalty_held_out, loyalty_members, loyalty_offers


def unexported_members(store: Store, limit: int) -> list[dict[str, Any]]:
    """Members that changed; give them to `mark_members_exported`."""
    return unexported(store, loyalty_members, "person_id", limit)


def mark_members_exported(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say that these members are in the warehouse."""
    mark_exported(store, loyalty_members, "person_id", rows)


def unexported_grants(store: Store, limit: int) -> list[dict[str, Any]]:
    """Grants that changed, with kind and value of their offer and when they last changed."""
    table, offer = loyalty_grants.c, loyalty_offers.c
    columns = [column for column in table if column.name != "exported_revision"]
    changed_at = sa.func.coalesce(table.redeemed_at, table.granted_at).label("changed_at")
    query = (
        sa.select(*columns, offer.name.label("offer_name"), offer.kind, offer.value, changed_at)
        .join(loyalty_offers, offer.offer_key == table.offer_key)
        .where(table.exported_revision < table.revision)
    )
    with store.read() as connection:
        return rows_of(connection, query.order_by(table.grant_id).limit(limit))


def mark_grants_exported(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say that these grants are in the warehouse."""
    mark_exported(store, loyalty_grants, "grant_id", rows)


def unlanded_entries(store: Store, limit: int) -> list[dict[str, Any]]:
    """Lines of the ledger that the warehouse has not got, or that belong to somebody else since."""
    columns = [column for column in loyalty_entries.c if column.name != "landed_at"]
    query = sa.select(*columns).where(loyalty_entries.c.landed_at.is_(None))
    with store.read() as connection:
        return rows_of(connection, query.order_by(loyalty_entries.c.entry_id).limit(limit))


def mark_entries_landed(store: Store, entry_ids: Sequence[int], now: datetime) -> None:
    """Say that the warehouse has these lines; call it after they are committed there."""
    with store.write() as connection:
        for batch in chunks(entry_ids):
            is_meant = loyalty_entries.c.entry_id.in_(batch)
            connection.execute(sa.update(loyalty_entries).where(is_meant).values(landed_at=now))


def unlanded_held_out(store: Store, limit: int) -> list[dict[str, Any]]:
    """People who are held out of the programme that the warehouse has not got."""
    columns = [column for column in loyalty_held_out.c if column.name != "landed_at"]
    query = sa.select(*columns).where(loyalty_held_out.c.landed_at.is_(None))
    with store.read() as connection:
        return rows_of(connection, query.order_by(loyalty_held_out.c.person_id).limit(limit))


def mark_held_out_landed(store: Store, person_ids: Sequence[int], now: datetime) -> None:
    """Say that the warehouse has these people; call it after they are committed there."""
    with store.write() as connection:
        for batch in chunks(person_ids):
            is_meant = loyalty_held_out.c.person_id.in_(batch)
            connection.execute(sa.update(loyalty_held_out).where(is_meant).values(landed_at=now))
