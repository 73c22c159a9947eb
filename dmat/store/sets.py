"""Asking about thousands of values at once: one bound parameter, however many there are.

Belongs here: that, for both databases. Stays out: what is asked.
A list of 5,000 in `in (...)` is 5,000 parameters, parsed anew each time; here it is one JSON text or one array.
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
    if connection.dialect.name == "sqlite":
        given = sa.bindparam(None, orjson.dumps(list(values)).decode(), sa.Text, unique=True)
        return column.in_(sa.select(sa.func.json_each(given).table_valued("value").c.value))
    array = sa.bindparam(None, list(values), postgresql.ARRAY(column.type), unique=True)
    return column == sa.func.any(array)
