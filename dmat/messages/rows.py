"""Rows of templates in the store: reading a card with its newest content, keeping a version, cleaning a card.

Belongs here: single steps inside the caller's transaction. Stays out: what is allowed when (`library.py`).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import InvalidInputError
from dmat.messages.records import Block, Content, Template, TemplateVersion, content_of
from dmat.store.engine import rows_of
from dmat.store.message_tables import message_blocks, message_template_versions, message_templates

KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
LONGEST = {"name": 200, "folder": 200, "description": 5000}
MOST_TAGS, LONGEST_TAG = 30, 60
CARD = ("key", "name", "channel", "kind", "version", "description", "folder", "state", "created_at", "created_by",
        "updated_at", "updated_by")  # fmt: skip


def content_hash(content: Content) -> str:
    """A content's fingerprint: equal contents have equal ones."""
    return hashlib.sha256(orjson.dumps(content.as_document(), option=orjson.OPT_SORT_KEYS)).hexdigest()


def read_templates(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Template]:
    """Templates with their newest content, by name."""
    cards, versions = message_templates, message_template_versions
    newest = (versions.c.template_id == cards.c.template_id) & (versions.c.version == cards.c.version)
    query = sa.select(cards, versions.c.content).join(versions, newest).where(*conditions)
    rows = rows_of(connection, query.order_by(sa.func.lower(cards.c.name), cards.c.key))
    return [_template(row) for row in rows]


def _template(row: Mapping[str, Any]) -> Template:
    card = {name: row[name] for name in CARD}
    return Template(**card, tags=tuple(row["tags"]), content=content_of(row["content"]))


def template_id(connection: Connection, key: str) -> int:
    """The number of a template that is there."""
    query = sa.select(message_templates.c.template_id).where(message_templates.c.key == key)
    return int(connection.execute(query).scalar_one())


def keep_version(
    connection: Connection, key: str, version: int, content: Content, note: str, at: datetime, by: str
) -> None:
    """Write one version of a template's content."""
    row = {
        "template_id": template_id(connection, key), "version": version, "content": content.as_document(),
        "content_hash": content_hash(content), "note": note, "created_at": at, "created_by": by,
    }  # fmt: skip
    connection.execute(sa.insert(message_template_versions).values(row))


def read_versions(connection: Connection, key: str) -> list[TemplateVersion]:
    """Every version, the newest first."""
    versions = message_template_versions
    query = sa.select(versions).where(versions.c.template_id == template_id(connection, key))
    rows = rows_of(connection, query.order_by(versions.c.version.desc()))
    names = [name for name in TemplateVersion.__dataclass_fields__ if name != "content"]
    return [TemplateVersion(content=content_of(row["content"]), **{n: row[n] for n in names}) for row in rows]


def read_blocks(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Block]:
    """Saved blocks, by name."""
    query = sa.select(message_blocks).where(*conditions).order_by(message_blocks.c.name, message_blocks.c.key)
    return [Block(**(row | {"tags": tuple(row["tags"])})) for row in rows_of(connection, query)]


def free_key(connection: Connection, name: str) -> str:
    """A key made from a name, with a number behind it when it is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:90] or "template"
    taken = {row[0] for row in connection.execute(sa.select(message_templates.c.key))}
    key, number = stem, 1
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    return key


def clean_key(key: str) -> str:
    """A key as it may be kept.

    Raises:
        InvalidInputError: it has other signs in it.
    """
    if not KEY.fullmatch(key):
        raise InvalidInputError("key", f"{key!r} is not a key", "a-z, 0-9, - and _, at most 100, not first - or _")
    return key


def clean_card(**card: Any) -> dict[str, Any]:
    """What is written on a template's card: text without spaces around, tags each once.

    Raises:
        InvalidInputError: a field that no card has, or a text that is too long.
    """
    known = {*LONGEST, "tags"}
    clean: dict[str, Any] = {}
    for name, value in card.items():
        if name not in known:
            raise InvalidInputError(name, "a template has no such field", ", ".join(sorted(known)))
        clean[name] = _clean_tags(value) if name == "tags" else _clean_text(name, value)
    return clean


def _clean_text(field: str, value: Any) -> str:
    text = value.strip() if isinstance(value, str) else None
    if text is None or len(text) > LONGEST[field] or (field == "name" and not text):
        raise InvalidInputError(field, "this is not a text, empty, or too long", f"at most {LONGEST[field]} characters")
    return text


def _clean_tags(tags: Any) -> Sequence[str]:
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise InvalidInputError("tags", "this is not a list of texts", "a list of texts")
    kept = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(kept) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in kept):
        raise InvalidInputError("tags", "too many or too long", f"{MOST_TAGS} tags of at most {LONGEST_TAG} signs")
    return kept
