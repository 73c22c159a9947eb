"""Drafts: what an editor of one user holds and has not saved, kept as it is typed, whole or not.

Belongs here: keeping, finding and dropping them in any table of that shape. Stays out: what is saved for good (the
libraries of campaigns, tests and journeys).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from dmat.store.engine import Store, rows_of, upsert

Key = TypeVar("Key", int, str)


@dataclass(frozen=True)
class Draft:
    """What an editor held; `based_on_version` is the saved version that it was made from."""

    document: dict[str, Any]
    based_on_version: int | None
    updated_at: datetime


class Drafts(Generic[Key]):
    """Drafts of one kind of thing, one a user and thing; `key` names the column that says which thing."""

    def __init__(self, table: sa.Table, key: str) -> None:
        self._table, self._key = table, table.c[key]

    def save(
        self, store: Store, user_email: str, key: Key, document: dict[str, Any], now: datetime,
        version: int | None = None,
    ) -> Draft:  # fmt: skip
        """Keep what a user's editor holds, checked or not."""
        draft = Draft(document, version, now)
        row = {"user_email": user_email, self._key.name: key} | vars(draft)
        with store.write() as connection:
            statement = upsert(connection, self._table).values(row)
            keys = ["user_email", self._key.name]
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=row))
        return draft

    def load(self, store: Store, user_email: str, key: Key) -> Draft | None:
        """What a user's editor held, or None."""
        columns = [self._table.c[name] for name in Draft.__dataclass_fields__]
        with store.read() as connection:
            rows = rows_of(connection, sa.select(*columns).where(self._of(user_email, key)))
        return next((Draft(**row) for row in rows), None)

    def drop(self, store: Store, user_email: str, key: Key) -> None:
        """Forget what a user's editor held."""
        with store.write() as connection:
            connection.execute(sa.delete(self._table).where(self._of(user_email, key)))

    def _of(self, user_email: str, key: Key) -> sa.ColumnElement[bool]:
        return sa.and_(self._table.c.user_email == user_email, self._key == key)
