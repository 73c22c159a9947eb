"""Asking about thousands of values at once: one bound parameter, however many there are.

Belongs here: that, for both databases. Stays out: what is asked.
A list of 5,000 in `in (...)` is 5,000 parameters, parsed anew each time; here it is one JSON text or one array.
A question that is asked again and again is best built once, with `among_these`, and kept for its dialect.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection


def among(connection: Connection, column: sa.Column[Any], values: Collection[Any]) -> sa.ColumnElement[bool]:
    """The condition that a column of text or whole numbers has one of these values."""
    kind = _kind(connection.dialect.name, column)
    return _has_one(connection.dialect.name, column, sa.bindparam(None, these(connection, values), kind, unique=True))


def among_these(dialect: str, column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """The condition that a column has one of the values in the parameter `these`, given as `these(...)`."""
    return _has_one(dialect, column, sa.bindparam("these", type_=_kind(dialect, column)))


def these(connection: Connection, values: Collection[Any]) -> Any:
    """Values as one parameter."""
    return orjson.dumps(list(values)).decode() if connection.dialect.name == "sqlite" else list(values)


def _kind(dialect: str, column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    return sa.Text() if dialect == "sqlite" else postgresql.ARRAY(column.type)


def _has_one(dialect: str, column: sa.Column[Any], given: sa.BindParameter[Any]) -> sa.ColumnElement[bool]:
    if dialect == "sqlite":
        return column.in_(sa.select(sa.func.json_each(given).table_valued("value").c.value))
    return column == sa.func.any(given)
