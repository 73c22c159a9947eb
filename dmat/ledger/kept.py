"""Messages as they were handed over: what is personal in each, kept for a whole request at once, or by itself.

Belongs here: writing it in the transaction that hands over, finding one message again. Stays out: putting the text
together (`dmat/messages/archive.py`), which messages leave (`dmat/ledger/hand_over.py`).

A request of a thousand messages is one row, which holds a line a message. A message names its request in the ledger
(`batch_id`); one that left in a request of its own has a row in `rendered_messages`, and so has what left before
requests were kept as one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.store.engine import rows_of, upsert
from dmat.store.ledger_tables import ledger_entries, rendered_batches, rendered_messages

_COMMON = ("from_address", "rendered_at", "template", "template_version", "locale")


@dataclass(frozen=True)
class Request:
    """Messages that leave in one request, as they are kept "as sent".

    Attributes:
        batch_id: ours, of the request; every message of it names it.
        kept: message id -> its line, see `line_of`.
        common: column -> value of `rendered_batches` that all of them have.
    """

    batch_id: str
    kept: Mapping[str, bytes]
    common: Mapping[str, Any]


def line_of(message_id: str, to_address: str, headers: Mapping[str, str], filled: Mapping[str, str]) -> bytes:
    """What is kept of one message of a request: JSON without line breaks that begins with the message's id."""
    return orjson.dumps((message_id, to_address, headers, filled))


def keep_request(connection: Connection, request: Request, message_ids: Collection[str]) -> None:
    """Keep those of a request's messages that leave, inside the caller's transaction."""
    if not message_ids:
        return
    lines = [request.kept[message_id] for message_id in message_ids]
    row = {**request.common, "batch_id": request.batch_id, "kept_in": "", "content": b"\n".join(lines)}
    connection.execute(sa.insert(rendered_batches), row)


def keep_again(connection: Connection, message_ids: Sequence[str], batch_id: str) -> None:
    """Messages that were kept with one request leave in another one; call it before they are given its name."""
    table, entries = rendered_batches.c, ledger_entries.c
    before = sa.select(entries.batch_id).where(entries.message_id == message_ids[0]).scalar_subquery()
    query = sa.select(table.batch_id, table.kept_in, *(table[name] for name in _COMMON)).where(table.batch_id == before)
    for row in rows_of(connection, query):
        made = row | {"batch_id": batch_id, "kept_in": row["kept_in"] or row["batch_id"], "content": b""}
        connection.execute(upsert(connection, rendered_batches).values(made).on_conflict_do_nothing())


def find_kept(connection: Connection, message_id: str) -> dict[str, Any] | None:
    """A message as it was handed over (columns of `rendered_messages`); None before that."""
    found = _in_request(connection, message_id)
    if found is not None:
        return found
    rows = rows_of(connection, sa.select(rendered_messages).where(rendered_messages.c.message_id == message_id))
    return rows[0] if rows else None


def _in_request(connection: Connection, message_id: str) -> dict[str, Any] | None:
    table, holds = rendered_batches, rendered_batches.alias("holds")
    of_message = sa.select(ledger_entries.c.batch_id).where(ledger_entries.c.message_id == message_id)
    query = sa.select(*(table.c[name] for name in _COMMON), holds.c.content).select_from(
        table.join(holds, holds.c.batch_id == sa.func.coalesce(sa.func.nullif(table.c.kept_in, ""), table.c.batch_id))
    )
    for row in rows_of(connection, query.where(table.c.batch_id == of_message.scalar_subquery())):
        begin = orjson.dumps((message_id,))[:-1]
        for line in row.pop("content").split(b"\n"):
            if line.startswith(begin):
                _, to_address, headers, filled = orjson.loads(line)
                mine = {"message_id": message_id, "to_address": to_address, "headers": headers, "filled": filled}
                return row | mine | {"subject": "", "html": "", "text": ""}
    return None
