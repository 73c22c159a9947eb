"""Reading ahead what rules are likely to ask, in processes that answer all day, so that no first question waits for it.

Belongs here: which columns are worth it, and stopping before they push out what questions brought. Stays out: reading
(`person_columns.py`); who calls this when (the API looks at each new version, the screens once at their start).
"""

from __future__ import annotations

from contextlib import suppress

import duckdb

from dmat.errors import DmatError
from dmat.segments.engine import Engine
from dmat.segments.rules import EVERYBODY

SHARE = 0.5


def warm(engine: Engine) -> int:
    """Read the columns of the people's fields, up to half of the memory for columns; gives how many are there.

    One column is read at a time, and questions go between them.

    Raises:
        NotPublishedError: nothing has been published yet.
    """
    engine.preview(EVERYBODY)
    fields = list(engine.catalogue.fields.values())
    return sum(engine.read_ahead(field, SHARE) for field in fields)


def warm_quietly(engine: Engine) -> None:
    """The same where nobody waits for it: when there is nothing to read yet, the first question reads it."""
    with suppress(DmatError, duckdb.Error):
        warm(engine)
