"""The library of segments: make, find, change, version, archive and delete them; every change is in the audit trail.

Belongs here: what may be done with a segment and what refuses it. Stays out: what a rule means (`checking.py`,
`compiler.py`), who is a member (`engine.py`, `dmat_pipelines/decide/segments.py`), files (`as_code.py`).

>>> library = Library(store, settings.clock, lambda: read_catalogue(workspace))
>>> vip = library.create(name="VIP", rule=rule, by="ann@shop.example")
>>> library.update(vip.key, by="ann@shop.example", rule=other, note="from 500 to 600", expected_version=vip.version)

A rule is checked against the catalogue before it is kept. A changed rule is a new version; a changed name, folder or
owner is not. Archiving or deleting what others use is refused with the list of who uses it. A deleted segment keeps
its versions, and a new one with the same key goes on counting them, so that old memberships keep their meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.clock import Clock
from dmat.errors import ConflictError, InUseError, InvalidRuleError, NotFoundError
from dmat.segments.catalogue import Catalogue
from dmat.segments.checking import check
from dmat.segments.differences import differences
from dmat.segments.records import (
    ACTIVE,
    ARCHIVED,
    DELETED,
    Draft,
    Segment,
    SegmentVersion,
    Use,
    read_segments,
)
from dmat.segments.rows import (
    Stamp,
    clean_card,
    clean_key,
    differs,
    find_segment,
    forget_uses,
    free_key,
    keep_version,
    note_named,
    note_use,
    overtaken,
    take_key,
    uses_of,
)
from dmat.segments.rules import Fault, Rule
from dmat.store.engine import Store, rows_of, upsert
from dmat.store.tables import segment_drafts, segment_versions, segments
from dmat.store.workspace_values import write_audit

_ONE_AT_A_TIME = 4_815_162_343  # PostgreSQL advisory lock: two changes at once could close a circle of rules


@dataclass(frozen=True)
class Wanted:
    """Which segments to list; what is None or empty does not limit.

    Attributes:
        state: `active`, `archived`, or None for both.
        text: words in the name, key or description, whatever the case.
    """

    state: str | None = ACTIVE
    kind: str | None = None
    folder: str | None = None
    tag: str | None = None
    owner: str | None = None
    text: str = ""

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """What the database looks at; tags are looked at by `fits`."""
        columns = {name: getattr(self, name) for name in ("state", "kind", "folder", "owner")}
        found: list[sa.ColumnElement[bool]] = [
            segments.c[name] == value for name, value in columns.items() if value is not None
        ]
        if self.text.strip():
            columns_of_text = (segments.c.name, segments.c.key, segments.c.description)
            found += [
                sa.or_(*(column.icontains(word, autoescape=True) for column in columns_of_text))
                for word in self.text.split()
            ]
        return found

    def fits(self, segment: Segment) -> bool:
        """Whether the segment has the tag that is asked for."""
        return self.tag is None or self.tag in segment.tags


class Library:
    """The segments of one workspace; safe to share between threads.

    Args:
        store: where they are kept.
        clock: the workspace's clock.
        catalogue: gives the fields and events that rules may use, as they are now.
    """

    def __init__(self, store: Store, clock: Clock, catalogue: Callable[[], Catalogue]) -> None:
        self.store, self.clock, self.catalogue = store, clock, catalogue

    # -- find ----------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Segment:
        """The segment with this key, archived or not.

        Raises:
            NotFoundError: there is none.
        """
        with self.store.read() as connection:
            return find_segment(connection, key)

    def list(self, wanted: Wanted | None = None) -> list[Segment]:
        """Segments by name: the active ones, unless asked otherwise."""
        wanted = wanted or Wanted()
        with self.store.read() as connection:
            found = read_segments(connection, *wanted.conditions())
        return [segment for segment in found if wanted.fits(segment)]

    def rules(self) -> dict[str, Rule]:
        """The rules of all active segments by key: what a rule may name, and what is evaluated."""
        return {segment.key: segment.rule for segment in self.list()}

    def versions(self, key: str) -> Sequence[SegmentVersion]:
        """Every version of a segment's rule, the newest first.

        Raises:
            NotFoundError: there is no such segment.
        """
        with self.store.read() as connection:
            segment = find_segment(connection, key)
            query = sa.select(segment_versions).where(segment_versions.c.segment_id == segment.segment_id)
            rows = rows_of(connection, query.order_by(segment_versions.c.version.desc()))
        names = [name for name in SegmentVersion.__dataclass_fields__ if name != "rule"]
        return [SegmentVersion(rule=Rule.model_validate(row["rule"]), **{n: row[n] for n in names}) for row in rows]

    def version(self, key: str, version: int) -> SegmentVersion:
        """One version of a segment's rule.

        Raises:
            NotFoundError: there is no such segment or version.
        """
        for found in self.versions(key):
            if found.version == version:
                return found
        raise NotFoundError(f"segment {key} has no version {version}")

    def diff(self, key: str, before: int, after: int) -> Sequence[str]:
        """What changed between two versions, a line a change, in words.

        Raises:
            NotFoundError: there is no such segment or version.
        """
        return differences(self.version(key, before).rule, self.version(key, after).rule, self.catalogue())

    def used_by(self, key: str) -> Sequence[Use]:
        """Who uses a segment: other segments, journeys, campaigns, tests.

        Raises:
            NotFoundError: there is no such segment.
        """
        with self.store.read() as connection:
            return uses_of(connection, find_segment(connection, key).segment_id)

    # -- change --------------------------------------------------------------------------------------------------

    def create(
        self,
        *,
        name: str,
        rule: Rule,
        by: str,
        key: str = "",
        kind: str = "dynamic",
        description: str = "",
        folder: str = "",
        tags: Iterable[str] = (),
        owner: str = "",
        note: str = "",
    ) -> Segment:
        """Keep a new segment; without a key it gets one made from its name.

        Raises:
            InvalidInputError: a bad name, key or kind.
            InvalidRuleError: the rule has faults.
            ConflictError: the key is taken.
        """
        card = clean_card(name=name, kind=kind, description=description, folder=folder, tags=tags, owner=owner or by)
        with self._change() as connection:
            key = clean_key(key) if key else free_key(connection, card["name"])
            self._check(connection, key, rule)
            now = self.clock.now()
            stamp = {"state": ACTIVE, "updated_at": now, "updated_by": by}
            segment_id, version = take_key(connection, key, {**card, **stamp, "created_at": now, "created_by": by})
            keep_version(connection, segment_id, version, rule, Stamp(now, by, note))
            write_audit(connection, now, by, "segment created", key, name=card["name"], version=version)
            return find_segment(connection, key)

    def update(
        self,
        key: str,
        *,
        by: str,
        note: str = "",
        expected_version: int | None = None,
        expected: str = "",
        rule: Rule | None = None,
        **card: Any,
    ) -> Segment:
        """Change a segment; what is not given stays. A changed rule is a new version.

        Args:
            key: which one.
            by: who changes it.
            note: why, kept with the new version.
            expected_version: the version that the change was made on; a newer one refuses it.
            expected: the `mark` of the state that the change was made on; another rule or another card refuses it.
            rule: the new rule.
            card: any of name, description, kind, folder, tags, owner.

        Raises:
            NotFoundError: there is no such segment.
            ConflictError: somebody else changed it in the meantime.
            InvalidInputError: a bad value; InvalidRuleError: the rule has faults.
        """
        changed = clean_card(**card)
        with self._change() as connection:
            segment = find_segment(connection, key)
            if expected_version not in (None, segment.version):
                raise ConflictError(f"segment {key} is at version {segment.version}, not {expected_version}")
            if expected not in ("", segment.mark):
                raise ConflictError(overtaken(segment))
            changed = {name: value for name, value in changed.items() if differs(segment, name, value)}
            if rule is not None and rule != segment.rule:
                self._check(connection, key, rule)
                changed["version"] = segment.version + 1
                stamp = Stamp(self.clock.now(), by, note)
                keep_version(connection, segment.segment_id, changed["version"], rule, stamp)
            if changed:
                self._write(connection, segment, by, "segment changed", note=note, **changed)
            return find_segment(connection, key)

    def rename(self, key: str, name: str, by: str, expected: str = "") -> Segment:
        """Give a segment another name; its key stays, because rules and memberships hold it.

        Raises:
            ConflictError: its `mark` is not the expected one any more.
        """
        return self.update(key, by=by, name=name, expected=expected)

    def duplicate(self, key: str, by: str, name: str = "") -> Segment:
        """A new segment with the newest rule of another one."""
        source = self.get(key)
        return self.create(
            name=name or f"{source.name} (copy)", rule=source.rule, by=by, kind=source.kind,
            description=source.description, folder=source.folder, tags=source.tags, note=f"copied from {key}",
        )  # fmt: skip

    def archive(self, key: str, by: str) -> Segment:
        """Put a segment aside: it has no members any more and no rule may name it.

        Raises:
            InUseError: others use it.
        """
        return self._set_state(key, ARCHIVED, by, "segment archived")

    def restore(self, key: str, by: str) -> Segment:
        """Take an archived segment back.

        Raises:
            InvalidRuleError: its rule does not fit the catalogue any more.
        """
        with self._change() as connection:
            segment = find_segment(connection, key)
            self._check(connection, key, segment.rule)
            self._write(connection, segment, by, "segment restored", state=ACTIVE)
            note_named(connection, Use("segment", key, segment.name), segment.rule, self.clock.now())
            return find_segment(connection, key)

    def delete(self, key: str, by: str) -> None:
        """Delete a segment; its versions stay, so that past memberships can be read.

        Raises:
            InUseError: others use it.
        """
        self._set_state(key, DELETED, by, "segment deleted")

    def note_use(self, key: str, use: Use) -> None:
        """Say that somebody uses a segment, so that it is not deleted under them; twice is once.

        Raises:
            NotFoundError: there is no such segment.
        """
        with self._change() as connection:
            note_use(connection, find_segment(connection, key).segment_id, use, self.clock.now())

    def forget_use(self, use: Use) -> None:
        """Say that somebody uses no segment any more."""
        with self._change() as connection:
            forget_uses(connection, use.kind, use.key)

    # -- drafts --------------------------------------------------------------------------------------------------

    def save_draft(
        self, user_email: str, key: str, document: dict[str, Any], based_on_version: int | None = None
    ) -> Draft:
        """Keep what a user's builder holds, saved or not, checked or not; an empty key is a new segment."""
        draft = Draft(user_email, key, document, based_on_version, self.clock.now())
        with self.store.write() as connection:
            statement = upsert(connection, segment_drafts).values(vars(draft))
            connection.execute(
                statement.on_conflict_do_update(index_elements=["user_email", "segment_key"], set_=vars(draft))
            )
        return draft

    def load_draft(self, user_email: str, key: str) -> Draft | None:
        """What a user's builder held, or None."""
        query = sa.select(segment_drafts).where(
            segment_drafts.c.user_email == user_email, segment_drafts.c.segment_key == key
        )
        with self.store.read() as connection:
            return next((Draft(**row) for row in rows_of(connection, query)), None)

    def drop_draft(self, user_email: str, key: str) -> None:
        """Forget what a user's builder held."""
        statement = sa.delete(segment_drafts).where(
            segment_drafts.c.user_email == user_email, segment_drafts.c.segment_key == key
        )
        with self.store.write() as connection:
            connection.execute(statement)

    # -- check and write -----------------------------------------------------------------------------------------

    def faults(self, key: str, rule: Rule) -> Sequence[Fault]:
        """What is wrong with a rule, should it become the rule of `key`."""
        with self.store.read() as connection:
            return self._faults(connection, key, rule)

    def _faults(self, connection: Connection, key: str, rule: Rule) -> Sequence[Fault]:
        others = {other.key: other.rule for other in read_segments(connection, segments.c.state == ACTIVE)}
        return check(rule, self.catalogue(), others, key)

    def _check(self, connection: Connection, key: str, rule: Rule) -> None:
        faults = self._faults(connection, key, rule)
        if faults:
            raise InvalidRuleError(list(faults))

    @contextmanager
    def _change(self) -> Iterator[Connection]:
        with self.store.write() as connection:
            if not self.store.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
            yield connection

    def _write(self, connection: Connection, segment: Segment, by: str, action: str, **changed: Any) -> None:
        now, note = self.clock.now(), changed.pop("note", "")
        stamp = {"updated_at": now, "updated_by": by}
        statement = sa.update(segments).where(segments.c.segment_id == segment.segment_id)
        connection.execute(statement.values(**changed, **stamp))
        write_audit(connection, now, by, action, segment.key, **changed, **({"note": note} if note else {}))

    def _set_state(self, key: str, state: str, by: str, action: str) -> Segment:
        with self._change() as connection:
            segment = find_segment(connection, key)
            users = uses_of(connection, segment.segment_id)
            if users:
                raise InUseError(f"segment {key}", [str(use) for use in users])
            self._write(connection, segment, by, action, state=state)
            forget_uses(connection, "segment", key)
            if state == DELETED:
                connection.execute(sa.delete(segment_drafts).where(segment_drafts.c.segment_key == key))
            return replace(segment, state=state)
