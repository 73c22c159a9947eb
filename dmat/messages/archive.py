"""Messages as they were sent: the compiled text once, each person's values, put together when somebody looks.

Belongs here: keeping compiled texts, reading a message back. Stays out: writing the values (`dmat/ledger/kept.py`).
What was sent stays as it was, whatever happens to the template, the campaign or the rule for links afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.channels.batches import fill_placeholders
from dmat.errors import NotFoundError
from dmat.ledger.kept import find_kept
from dmat.messages.records import Template
from dmat.settings import Settings
from dmat.store.engine import Store, upsert
from dmat.store.message_tables import compiled_messages

if TYPE_CHECKING:
    from dmat.messages.slots import Compiled

TEXT_OF = "text"  # beside the placeholders of a kept message: the fingerprint of its compiled text


def keep_compiled(store: Store, compiled: Compiled, now: datetime) -> None:
    """Keep a compiled text, once."""
    row = {
        "fingerprint": compiled.fingerprint, "template": compiled.key, "version": compiled.version,
        "locale": compiled.locale, "channel": compiled.channel,
        "parts": {name: part.text for name, part in compiled.parts.items()}, "created_at": now,
    }  # fmt: skip
    known = sa.select(compiled_messages.c.fingerprint).where(compiled_messages.c.fingerprint == compiled.fingerprint)
    with store.read() as connection:
        if connection.execute(known).first() is not None:
            return
    with store.write() as connection:
        connection.execute(upsert(connection, compiled_messages).values(row).on_conflict_do_nothing())


def keep_parts(store: Store, template: Template, locale: str, parts: Mapping[str, str], now: datetime) -> str:
    """Keep a whole message that is not planned yet; gives its fingerprint."""
    fingerprint = fingerprint_of(parts)
    row = {
        "fingerprint": fingerprint, "template": template.key, "version": template.version, "locale": locale,
        "channel": template.channel, "parts": dict(parts), "created_at": now,
    }  # fmt: skip
    with store.write() as connection:
        connection.execute(upsert(connection, compiled_messages).values(row).on_conflict_do_nothing())
    return fingerprint


def kept_parts(store: Store, fingerprint: str) -> tuple[str, dict[str, str]]:
    """(channel, parts) of a text that is kept.

    Raises:
        NotFoundError: it is not kept.
    """
    columns = (compiled_messages.c.channel, compiled_messages.c.parts)
    query = sa.select(*columns).where(compiled_messages.c.fingerprint == fingerprint)
    with store.read() as connection:
        found = connection.execute(query).first()
    if found is None:
        raise NotFoundError("this text is not kept any more")
    return str(found[0]), dict(found[1])


def fingerprint_of(parts: Mapping[str, str]) -> str:
    """Equal for equal texts."""
    return hashlib.sha256(orjson.dumps(dict(parts), option=orjson.OPT_SORT_KEYS)).hexdigest()


def as_sent(store: Store, settings: Settings, message_id: str) -> dict[str, Any]:
    """A message as it was handed over: from, to, subject, html, text, headers, and `parts` of other channels.

    Args:
        store: the store.
        settings: the workspace.
        message_id: which message.

    Raises:
        NotFoundError: it was never handed over, or is not kept any more.
    """
    with store.read() as connection:
        row = find_kept(connection, message_id)
        if row is None:
            raise NotFoundError(f"the message {message_id} was not handed over")
        filled = row.pop("filled", None)
        parts = _put_together(connection, filled) if filled else {}
    kept = {name: parts[name] for name in ("subject", "html", "text") if parts.get(name)}
    return {**row, **kept, "parts": {} if "html" in parts else parts}


def _put_together(connection: Connection, filled: Mapping[str, str]) -> dict[str, str]:
    query = sa.select(compiled_messages.c.parts).where(compiled_messages.c.fingerprint == filled.get(TEXT_OF, ""))
    found = connection.execute(query).first()
    if found is None:
        raise NotFoundError("the text of this message is not kept any more")
    return {part: fill_placeholders(text, filled) for part, text in found[0].items()}
