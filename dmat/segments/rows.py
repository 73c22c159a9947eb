"""Rows of the library in the store: taking a key, keeping a version, who uses whom, and what a card may hold.

Belongs here: single steps inside the caller's transaction. Stays out: what is allowed when (`library.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.segments.records import DELETED, KINDS, Segment, Use, read_segments
from dmat.segments.rules import Rule, as_document, rule_hash, segments_used
from dmat.store.engine import rows_of, upsert
from dmat.store.tables import segment_uses, segment_versions, segments

KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
LONGEST = {"name": 200, "folder": 200, "owner": 320, "description": 5000}
MOST_TAGS, LONGEST_TAG = 30, 60


@dataclass(frozen=True)
class Stamp:
    """When, by whom and why a version was made."""

    at: datetime
    by: str
    note: str = ""


def find_segment(connection: Connection, key: str) -> Segment:
    """The segment with this key.

    Raises:
        NotFoundError: there is none, or it was deleted.
    """
    found = read_segments(connection, segments.c.key == key)
    if not found:
        raise NotFoundError(f"there is no segment {key!r}")
    return found[0]


def overtaken(segment: Segment) -> str:
    """What to say to somebody whose change was made on an older state."""
    return (
        f"segment {segment.key} is at version {segment.version}, changed by {segment.updated_by}"
        f" at {segment.updated_at:%Y-%m-%d %H:%M} UTC: read it again"
    )


def take_key(connection: Connection, key: str, card: dict[str, Any]) -> tuple[int, int]:
    """Write the card of a new segment; gives its id and the number of its first version.

    Raises:
        ConflictError: another segment has the key.
    """
    query = sa.select(segments.c.segment_id, segments.c.state, segments.c.version).where(segments.c.key == key)
    taken = connection.execute(query).first()
    if taken is None:
        added = connection.execute(
            sa.insert(segments).values(key=key, version=1, **card).returning(segments.c.segment_id)
        )
        return int(added.scalar_one()), 1
    if taken.state != DELETED:
        raise ConflictError(f"there is a segment with the key {key} already")
    version = int(taken.version) + 1
    again = sa.update(segments).where(segments.c.segment_id == taken.segment_id).values(version=version, **card)
    connection.execute(again)
    return int(taken.segment_id), version


def free_key(connection: Connection, name: str) -> str:
    """A key made from a name, with a number behind it when it is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:90] or "segment"
    beginning = sa.select(segments.c.key).where(segments.c.key.startswith(stem), segments.c.state != DELETED)
    taken = {row[0] for row in connection.execute(beginning)}
    key, number = stem, 1
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    return key


def keep_version(connection: Connection, segment_id: int, version: int, rule: Rule, stamp: Stamp) -> None:
    """Write one version of a rule, and which segments it names."""
    row = {
        "segment_id": segment_id, "version": version, "rule": as_document(rule), "rule_hash": rule_hash(rule),
        "note": stamp.note, "created_at": stamp.at, "created_by": stamp.by,
    }  # fmt: skip
    connection.execute(sa.insert(segment_versions).values(row))
    card = connection.execute(sa.select(segments).where(segments.c.segment_id == segment_id)).mappings().one()
    note_named(connection, Use("segment", card["key"], card["name"]), rule, stamp.at)


def note_named(connection: Connection, user: Use, rule: Rule, now: datetime) -> None:
    """Note that a segment uses those that its rule names, and no others."""
    forget_uses(connection, user.kind, user.key)
    named = sa.select(segments.c.segment_id).where(segments.c.key.in_(segments_used(rule)))
    for row in connection.execute(named).all():
        note_use(connection, row[0], user, now)


def note_use(connection: Connection, segment_id: int, use: Use, now: datetime) -> None:
    """Note one use; twice is once, with the newer name."""
    row = {
        "segment_id": segment_id, "user_kind": use.kind, "user_key": use.key, "user_name": use.name, "since_at": now
    }  # fmt: skip
    statement = upsert(connection, segment_uses).values(row)
    keys = ["segment_id", "user_kind", "user_key"]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={"user_name": use.name}))


def forget_uses(connection: Connection, kind: str, key: str) -> None:
    """Forget that this one uses anything."""
    connection.execute(
        sa.delete(segment_uses).where(segment_uses.c.user_kind == kind, segment_uses.c.user_key == key)
    )  # fmt: skip


def uses_of(connection: Connection, segment_id: int) -> list[Use]:
    """Who uses a segment, in order."""
    columns = (segment_uses.c.user_kind, segment_uses.c.user_key, segment_uses.c.user_name)
    query = sa.select(*columns).where(segment_uses.c.segment_id == segment_id).order_by(*columns)
    return [Use(*row.values()) for row in rows_of(connection, query)]


def clean_key(key: str) -> str:
    """A key as it may be kept.

    Raises:
        InvalidInputError: it has other signs in it.
    """
    if not KEY.fullmatch(key):
        raise InvalidInputError("key", f"{key!r} is not a key", "a-z, 0-9, - and _, at most 100, not first - or _")
    return key


def clean_card(**card: Any) -> dict[str, Any]:
    """What is written on a segment's card: text without spaces around, tags each once.

    Raises:
        InvalidInputError: a name that is no field of the card, a kind that is none, or a text that is too long.
    """
    known = {"name", "description", "kind", "folder", "tags", "owner"}
    for name in card:
        if name not in known:
            raise InvalidInputError(name, "a segment has no such field", ", ".join(sorted(known)))
    clean: dict[str, Any] = {
        name: _clean_text(name, value) for name, value in card.items() if name not in ("tags", "kind")
    }
    if "kind" in card:
        clean["kind"] = card["kind"]
        if card["kind"] not in KINDS:
            raise InvalidInputError("kind", f"{card['kind']!r} is not a kind", ", ".join(KINDS))
    if "tags" in card:
        clean["tags"] = _clean_tags(card["tags"])
    return clean


def _clean_text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(field, "this is not text", "text")
    text = value.strip()
    if len(text) > LONGEST[field]:
        raise InvalidInputError(field, f"{len(text)} signs are too many", f"at most {LONGEST[field]}")
    if field == "name" and not text:
        raise InvalidInputError("name", "a segment needs a name", "1 to 200 signs")
    return text


def _clean_tags(tags: Sequence[Any]) -> list[str]:
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise InvalidInputError("tags", "this is not a list of texts", "a list of texts")
    kept = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(kept) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in kept):
        raise InvalidInputError("tags", "too many or too long", f"{MOST_TAGS} tags of at most {LONGEST_TAG} signs")
    return kept


def differs(segment: Segment, field: str, value: Any) -> bool:
    """Whether a value of the card is another one than the segment has."""
    now = getattr(segment, field)
    return bool((list(now) if isinstance(now, tuple) else now) != value)
