"""Tags and values of people: short facts that journeys write down and segments ask for.

Belongs here: giving, taking away and reading them. Stays out: which step does it (`steps.py`), the tables that segments
read (`people.fct_person_properties`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from dmat.errors import InvalidInputError
from dmat.journeys.steps import LONGEST_VALUE, PROPERTY_NAME, PROPERTY_WORDS
from dmat.store.engine import Store, rows_of, upsert
from dmat.store.journey_tables import person_properties

TAG, VALUE = "tag", "value"


@dataclass(frozen=True)
class PersonProperty:
    """A tag of a person, or a value with its name; since when, and by whom."""

    kind: str
    name: str
    value: str
    changed_at: datetime
    changed_by: str


def add_tag(store: Store, person_id: int, tag: str, now: datetime, by: str) -> bool:
    """Give a person a tag; False: they have it already.

    Raises:
        InvalidInputError: this is no tag.
    """
    return _set(store, person_id, TAG, _named(tag, "tag"), "", True, now, by)


def remove_tag(store: Store, person_id: int, tag: str, now: datetime, by: str) -> bool:
    """Take a tag away; False: they do not have it.

    Raises:
        InvalidInputError: this is no tag.
    """
    return _set(store, person_id, TAG, _named(tag, "tag"), "", False, now, by)


def set_value(store: Store, person_id: int, name: str, value: str, now: datetime, by: str) -> bool:
    """Write a value down; an empty one takes it away. False: it is so already.

    Raises:
        InvalidInputError: this is no name, or the value is too long.
    """
    if len(value) > LONGEST_VALUE:
        raise InvalidInputError("value", "is too long", f"{LONGEST_VALUE} characters")
    return _set(store, person_id, VALUE, _named(name, "name"), value, bool(value), now, by)


def read_properties(store: Store, person_id: int) -> list[PersonProperty]:
    """The tags and values that a person has, by name."""
    table = person_properties.c
    names = [table[name] for name in PersonProperty.__dataclass_fields__]
    query = sa.select(*names).where(table.person_id == person_id, table.is_set).order_by(table.kind, table.name)
    with store.read() as connection:
        return [PersonProperty(**row) for row in rows_of(connection, query)]


def _named(name: str, field: str) -> str:
    if not re.fullmatch(PROPERTY_NAME, name):
        raise InvalidInputError(field, f"{name!r} is none", PROPERTY_WORDS)
    return name


def _set(
    store: Store, person_id: int, kind: str, name: str, value: str, is_set: bool, now: datetime, by: str
) -> bool:  # fmt: skip
    """Write it down unless it is so already; of two at the same time the later writes over the earlier."""
    table = person_properties
    row = {"person_id": person_id, "kind": kind, "name": name, "value": value, "is_set": is_set, "changed_at": now,
           "changed_by": by, "revision": 1, "exported_revision": 0}  # fmt: skip
    with store.write() as connection:
        statement = upsert(connection, table).values(row)
        changed = {key: row[key] for key in ("value", "is_set", "changed_at", "changed_by")}
        differs = sa.or_(table.c.value != value, table.c.is_set != is_set)
        statement = statement.on_conflict_do_update(
            index_elements=["person_id", "kind", "name"], set_=changed | {"revision": table.c.revision + 1},
            where=differs,
        ).returning(table.c.revision)  # fmt: skip
        if not is_set:  # nothing to take away from whoever never had it
            is_it = sa.and_(table.c.person_id == person_id, table.c.kind == kind, table.c.name == name)
            if connection.execute(sa.select(table.c.revision).where(is_it)).first() is None:
                return False
        return connection.execute(statement).first() is not None
