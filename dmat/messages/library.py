"""The library of templates: make, find, change, version, archive; saved blocks; every change is in the audit trail.

Belongs here: what may be done with a template and what refuses it. Stays out: what it says (`checks.py`), turning it
into messages (`compiled.py`), files (`as_code.py`).

>>> templates = Templates(store, settings.clock)
>>> sale = templates.create(name="Spring sale", channel="email", kind="mjml", content=document, by="ann@shop.example")
>>> templates.update(sale.key, by="ann@shop.example", content=other, note="new picture", expected_version=sale.version)

A changed content is a new version; a changed name or folder is not. A version holds the saved blocks as they were, so
that what was sent can always be made again. Built-in templates are files beside the code: they can be read and copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.clock import Clock
from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.messages.contents import checked_content, checked_kind
from dmat.messages.included import with_blocks
from dmat.messages.records import ACTIVE, ARCHIVED, KINDS, Block, Content, Template, TemplateVersion
from dmat.messages.rows import (
    clean_card,
    clean_key,
    free_key,
    keep_version,
    read_blocks,
    read_templates,
    read_versions,
)
from dmat.messages.starters import built_in_templates, starter, starters
from dmat.store.engine import Store, upsert
from dmat.store.message_tables import message_blocks, message_templates
from dmat.store.workspace_values import write_audit

LONGEST_BLOCK = 200_000


@dataclass(frozen=True)
class Wanted:
    """Which templates to list; what is None or empty does not limit. `state` None means archived ones too."""

    state: str | None = ACTIVE
    channel: str | None = None
    kind: str | None = None
    folder: str | None = None
    tag: str | None = None
    text: str = ""

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """What the database looks at."""
        columns = {name: getattr(self, name) for name in ("state", "channel", "kind", "folder")}
        found = [message_templates.c[name] == value for name, value in columns.items() if value is not None]
        words = (message_templates.c.name, message_templates.c.key, message_templates.c.description)
        return found + [
            sa.or_(*(column.icontains(word, autoescape=True) for column in words)) for word in self.text.split()
        ]


class Templates:
    """The templates of one workspace; safe to share between threads."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    # -- find ----------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Template:
        """The template with this key, archived or not, or the built-in one.

        Raises:
            NotFoundError: there is none.
        """
        with self.store.read() as connection:
            return _find(connection, key)

    def list(self, wanted: Wanted | None = None) -> list[Template]:
        """Templates by name: the active ones, unless asked otherwise; built-in ones are not listed."""
        wanted = wanted or Wanted()
        with self.store.read() as connection:
            found = read_templates(connection, *wanted.conditions())
        return [template for template in found if wanted.tag is None or wanted.tag in template.tags]

    def versions(self, key: str) -> Sequence[TemplateVersion]:
        """Every version of a template, the newest first; a built-in one has none.

        Raises:
            NotFoundError: there is no such template.
        """
        with self.store.read() as connection:
            return [] if _find(connection, key).is_built_in else read_versions(connection, key)

    def version(self, key: str, version: int = 0) -> Template:
        """A template as it was in a version; 0 means the newest.

        Raises:
            NotFoundError: there is no such template or version.
        """
        template = self.get(key)
        if version in (0, template.version):
            return template
        for found in self.versions(key):
            if found.version == version:
                return replace(template, content=found.content, version=version)
        raise NotFoundError(f"template {key} has no version {version}")

    def folders(self) -> Sequence[str]:
        """The folders in use, in order."""
        with self.store.read() as connection:
            query = sa.select(message_templates.c.folder).where(message_templates.c.state == ACTIVE).distinct()
            return sorted(row[0] for row in connection.execute(query) if row[0])

    @staticmethod
    def starters() -> Sequence[Template]:
        """Well-made templates to begin with; they are copied by `create_from_starter`."""
        return starters()

    # -- change --------------------------------------------------------------------------------------------------

    def create(
        self,
        *,
        name: str,
        channel: str,
        kind: str,
        content: Mapping[str, Any] | Content,
        by: str,
        key: str = "",
        note: str = "",
        **card: Any,
    ) -> Template:
        """Keep a new template; without a key it gets one made from its name.

        Args:
            name: shown in lists.
            channel: one of `records.CHANNELS`.
            kind: mjml or html for e-mail, json for webhook, else text.
            content: see `records.py`.
            by: who makes it.
            key: how campaigns name it.
            note: why.
            card: any of description, folder, tags.

        Raises:
            InvalidInputError: a bad name, key, kind or content.
            ConflictError: the key is taken.
        """
        checked_kind(channel, kind)
        wanted, facts = checked_content(channel, content), clean_card(name=name, **card)
        now = self.clock.now()
        stamp = {"created_at": now, "created_by": by, "updated_at": now, "updated_by": by}
        row = {"description": "", "folder": "", "tags": [], **facts, **stamp, "channel": channel, "kind": kind}
        with self.store.write() as connection:
            key = clean_key(key) if key else free_key(connection, facts["name"])
            statement = upsert(connection, message_templates).values(key=key, version=1, state=ACTIVE, **row)
            added = connection.execute(statement.on_conflict_do_nothing().returning(message_templates.c.key)).first()
            if added is None:
                raise ConflictError(f"there is a template with the key {key} already")
            keep_version(connection, key, 1, with_blocks(wanted, self._sources(connection)), note, now, by)
            write_audit(connection, now, by, "template created", key, name=facts["name"], version=1)
            return _find(connection, key)

    def create_from_starter(self, starter_key: str, by: str, name: str = "", key: str = "") -> Template:
        """A new template that begins as a starter.

        Raises:
            NotFoundError: there is no such starter.
        """
        return self._copy(starter(starter_key), by, name, key, f"from the starter {starter_key}")

    def duplicate(self, key: str, by: str, name: str = "") -> Template:
        """A new template with the newest content of another one."""
        source = self.get(key)
        return self._copy(source, by, name or f"{source.name} (copy)", "", f"copied from {key}")

    def _copy(self, source: Template, by: str, name: str, key: str, note: str) -> Template:
        return self.create(
            name=name or source.name, channel=source.channel, kind=source.kind, content=source.content, by=by, key=key,
            note=note, description=source.description, folder=source.folder, tags=list(source.tags),
        )  # fmt: skip

    def update(
        self,
        key: str,
        *,
        by: str,
        note: str = "",
        expected_version: int | None = None,
        content: Mapping[str, Any] | Content | None = None,
        **card: Any,
    ) -> Template:
        """Change a template; what is not given stays. A changed content is a new version.

        Args:
            key: which one.
            by: who changes it.
            note: why, kept with the new version.
            expected_version: the version that the change was made on; a newer one refuses it.
            content: the new content.
            card: any of name, description, folder, tags.

        Raises:
            NotFoundError: there is no such template.
            ConflictError: somebody else changed it in the meantime, or it is built in.
            InvalidInputError: a bad value.
        """
        changed = clean_card(**card)
        with self.store.write() as connection:
            template = _find_own(connection, key)
            if expected_version not in (None, template.version):
                raise ConflictError(f"template {key} is at version {template.version}, not {expected_version}")
            if content is not None:
                wanted = with_blocks(checked_content(template.channel, content), self._sources(connection))
                if wanted.as_document() != template.content.as_document():
                    changed["version"] = template.version + 1
                    now = self.clock.now()
                    keep_version(connection, key, changed["version"], wanted, note, now, by)
            if changed:
                self._write(connection, key, by, "template changed", note=note, **changed)
            return _find(connection, key)

    def archive(self, key: str, by: str) -> Template:
        """Put a template aside: campaigns that run keep their version, new ones cannot choose it."""
        return self._set_state(key, ARCHIVED, by, "template archived")

    def restore(self, key: str, by: str) -> Template:
        """Take an archived template back."""
        return self._set_state(key, ACTIVE, by, "template restored")

    def _set_state(self, key: str, state: str, by: str, action: str) -> Template:
        with self.store.write() as connection:
            _find_own(connection, key)
            self._write(connection, key, by, action, state=state)
            return _find(connection, key)

    def _write(self, connection: Connection, key: str, by: str, action: str, note: str = "", **changed: Any) -> None:
        now = self.clock.now()
        statement = sa.update(message_templates).where(message_templates.c.key == key)
        connection.execute(statement.values(**changed, updated_at=now, updated_by=by))
        write_audit(connection, now, by, action, key, **changed, **({"note": note} if note else {}))

    # -- saved blocks --------------------------------------------------------------------------------------------

    def blocks(self, kind: str = "") -> Sequence[Block]:
        """The active saved blocks, of one kind or all."""
        with self.store.read() as connection:
            conditions = [message_blocks.c.state == ACTIVE, *([message_blocks.c.kind == kind] if kind else [])]
            return read_blocks(connection, *conditions)

    def put_block(self, key: str, *, name: str, kind: str, source: str, by: str, tags: Iterable[str] = ()) -> Block:
        """Keep a saved block, new or changed; templates take it in when they are saved the next time.

        Raises:
            InvalidInputError: a bad key, name, kind, or a source that is too long.
        """
        if kind not in KINDS:
            raise InvalidInputError("kind", f"{kind!r} is not a kind of blocks", ", ".join(KINDS))
        if len(source) > LONGEST_BLOCK:
            raise InvalidInputError("source", "it is too long", f"at most {LONGEST_BLOCK} characters")
        facts, now = clean_card(name=name, tags=list(tags)), self.clock.now()
        with self.store.write() as connection:
            before = read_blocks(connection, message_blocks.c.key == clean_key(key))
            version = before[0].version + 1 if before else 1
            row = {
                **facts, "key": key, "kind": kind, "source": source, "version": version, "state": ACTIVE,
                "updated_at": now, "updated_by": by,
            }  # fmt: skip
            statement = upsert(connection, message_blocks).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=row))
            write_audit(connection, now, by, "block kept", key, name=facts["name"], version=version)
            return read_blocks(connection, message_blocks.c.key == key)[0]

    def archive_block(self, key: str, by: str) -> None:
        """Put a saved block aside; templates keep what they hold of it.

        Raises:
            NotFoundError: there is no such block.
        """
        now = self.clock.now()
        with self.store.write() as connection:
            statement = sa.update(message_blocks).where(message_blocks.c.key == key)
            stamp = {"state": ARCHIVED, "updated_at": now, "updated_by": by}
            if not connection.execute(statement.values(stamp)).rowcount:
                raise NotFoundError(f"there is no block {key!r}")
            write_audit(connection, now, by, "block archived", key)

    def outdated_blocks(self, key: str) -> Sequence[str]:
        """Keys of saved blocks that changed after this template took them in."""
        template, current = self.get(key), {block.key: block.source for block in self.blocks()}
        return [name for name, source in template.content.blocks.items() if current.get(name, source) != source]

    @staticmethod
    def _sources(connection: Connection) -> dict[str, str]:
        return {block.key: block.source for block in read_blocks(connection, message_blocks.c.state == ACTIVE)}


def _find(connection: Connection, key: str) -> Template:
    found = read_templates(connection, message_templates.c.key == key)
    if found:
        return found[0]
    if key in built_in_templates():
        return built_in_templates()[key]
    raise NotFoundError(f"there is no template {key!r}")


def _find_own(connection: Connection, key: str) -> Template:
    template = _find(connection, key)
    if template.is_built_in:
        raise ConflictError(f"template {key} is built in: make a copy and change that")
    return template
