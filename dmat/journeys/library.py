"""The journeys of one workspace: make, change in versions, switch on, pause, resume, archive, let somebody enter.

Belongs here: these steps, each one transaction with its line in the audit trail. Stays out: running them (`runner.py`),
what a definition may say (`definition.py`, `checking.py`), members who stay on a version (`moving.py`).

    draft ──> live <──> paused        draft, live and paused ──> archived
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.programmes import ensure_programme, pause_within
from dmat.campaigns.templates_of_steps import newest_version
from dmat.channels.banner import stop_placements
from dmat.errors import ConflictError, InvalidInputError
from dmat.experiments.in_journeys import keep_split
from dmat.journeys.checking import refuse_unfit
from dmat.journeys.definition import Definition, as_document, definition_hash
from dmat.journeys.entries import Source
from dmat.journeys.machine import EXITED, WAITING
from dmat.journeys.records import (
    ARCHIVED,
    DRAFT,
    LIVE,
    PAUSED,
    Journey,
    JourneyVersion,
    find_journey,
    find_version,
    read_journeys,
    read_versions,
)
from dmat.journeys.triggers import Api
from dmat.ledger.entries import EXPIRED, PLANNED
from dmat.ledger.sets import SetMove, move_set
from dmat.segments.records import Use
from dmat.store.engine import upsert
from dmat.store.journey_tables import journey_members, journey_requests, journey_versions, journeys
from dmat.store.tables import ledger_entries, programmes
from dmat.store.workspace_values import write_audit

LARGEST_VALUES = 20_000


class JourneyLibrary:
    """The journeys of one workspace; safe to share between threads."""

    def __init__(self, source: Source) -> None:
        self.source, self.store, self.settings = source, source.store, source.settings

    # -- find ----------------------------------------------------------------------------------------------------

    def get(self, key: str | int) -> Journey:
        """The journey with this key or number.

        Raises:
            NotFoundError: there is none.
        """
        with self.store.read() as connection:
            return find_journey(connection, key)

    def list(self, status: str = "") -> list[Journey]:
        """Journeys by name; archived ones only when they are asked for."""
        is_wanted = journeys.c.status == status if status else journeys.c.status != ARCHIVED
        with self.store.read() as connection:
            return read_journeys(connection, is_wanted)

    def version(self, key: str | int, version: int = 0) -> JourneyVersion:
        """A version of a journey; 0 is the newest.

        Raises:
            NotFoundError: there is no such journey or version.
        """
        with self.store.read() as connection:
            journey = find_journey(connection, key)
            return find_version(connection, journey.journey_id, version or journey.version)

    def versions(self, key: str | int) -> tuple[JourneyVersion, ...]:
        """Every version, the newest first."""
        with self.store.read() as connection:
            return tuple(read_versions(connection, find_journey(connection, key).journey_id))

    # -- make and change -----------------------------------------------------------------------------------------

    def create(self, definition: Definition, by: str, note: str = "") -> Journey:
        """Keep a new journey as a draft.

        Raises:
            ConflictError: the key is taken.
        """
        now = self.settings.clock.now()
        row = {
            "key": definition.key, "name": definition.name, "status": DRAFT, "version": 1, "created_at": now,
            "created_by": by, "updated_at": now, "updated_by": by, "status_reason": "", "revision": 1,
            "exported_revision": 0,
        }  # fmt: skip
        with self.store.write() as connection:
            statement = upsert(connection, journeys).values(row).on_conflict_do_nothing(index_elements=["key"])
            made = connection.execute(statement.returning(journeys.c.journey_id)).scalar()
            if made is None:
                raise ConflictError(f"there is a journey with the key {definition.key} already")
            _keep_version(connection, int(made), 1, definition, note, by, now)
            write_audit(connection, now, by, "journey created", definition.key, name=definition.name)
            return find_journey(connection, definition.key)

    def change(self, key: str, definition: Definition, by: str, note: str = "", expected: int | None = None) -> Journey:
        """Keep a new version; a live journey goes on with its own until the new one is switched on.

        Raises:
            NotFoundError: there is none. ConflictError: it changed meanwhile, or is archived.
            InvalidInputError: the definition has another key.
        """
        if definition.key != key:
            raise InvalidInputError("key", "the key of a journey stays as it is", key)
        now = self.settings.clock.now()
        with self.store.write() as connection:
            journey = find_journey(connection, key)
            if expected is not None and journey.version != expected:
                raise ConflictError(f"journey {key} is at version {journey.version} already, not {expected}")
            _refuse(journey, {ARCHIVED})
            newest = find_version(connection, journey.journey_id, journey.version)
            if definition_hash(newest.definition) == definition_hash(definition):
                return journey
            _keep_version(connection, journey.journey_id, journey.version + 1, definition, note, by, now)
            _write(connection, journey, by, now, "journey changed", version=journey.version + 1, name=definition.name)
            return find_journey(connection, key)

    # -- lead ----------------------------------------------------------------------------------------------------

    def start(self, key: str, by: str) -> Journey:
        """Switch the newest version on: from now on people enter it; who is in an older one stays there.

        Raises:
            InvalidInputError: it could not run; names the place.
            ConflictError: it is archived, or divides otherwise than a test that is under way.
        """
        version = self.version(key)
        refuse_unfit(self.source, version.definition)
        now = self.settings.clock.now()
        with self.store.write() as connection:
            journey = find_journey(connection, key)
            _refuse(journey, {ARCHIVED})
            keep_split(connection, journey, version.definition, by, now)
            templates = {each.template: newest_version(connection, each.template) for each in version.definition.sends}
            table = journey_versions.c
            is_it = sa.and_(table.journey_id == journey.journey_id, table.version == version.version)
            connection.execute(sa.update(journey_versions).where(is_it).values(templates=templates))
            ensure_programme(connection, journey.programme, version.version, now)
            _go_on(connection, journey.programme, now)
            begins = {} if journey.started_at else {"started_at": now, "looked_until": now}
            values = {"status": LIVE, "status_reason": "", "live_version": version.version} | begins
            _write(connection, journey, by, now, "journey started", **values)
        for segment in version.definition.segments:
            self.source.desk.library.note_use(segment, Use("journey", key, version.definition.name))
        return self.get(key)

    def pause(self, key: str, by: str, reason: str = "") -> Journey:
        """Let everything stand still: nobody enters, no wait ends, nothing leaves.

        Raises:
            ConflictError: it is not live.
        """
        now = self.settings.clock.now()
        with self.store.write() as connection:
            journey = find_journey(connection, key)
            _refuse(journey, {DRAFT, PAUSED, ARCHIVED})
            pause_within(connection, journey.programme, reason, now, by)
            _write(connection, journey, by, now, "journey paused", status=PAUSED, status_reason=reason)
            return find_journey(connection, key)

    def resume(self, key: str, by: str) -> Journey:
        """Go on: waits that ended meanwhile end now.

        Raises:
            ConflictError: it is not paused.
        """
        now = self.settings.clock.now()
        with self.store.write() as connection:
            journey = find_journey(connection, key)
            _refuse(journey, {DRAFT, LIVE, ARCHIVED})
            _go_on(connection, journey.programme, now)
            _write(connection, journey, by, now, "journey resumed", status=LIVE, status_reason="")
            return find_journey(connection, key)

    def archive(self, key: str, by: str) -> Journey:
        """End it for good: everybody who is in it leaves, what is planned and has not left never does."""
        now, why = self.settings.clock.now(), "the journey was archived"
        with self.store.write() as connection:
            journey = find_journey(connection, key)
            _refuse(journey, {ARCHIVED})
            table = journey_members.c
            mine = sa.and_(table.journey_id == journey.journey_id, table.status == WAITING)
            values = {"status": EXITED, "due_at": None, "ended_at": now, "why": why, "revision": table.revision + 1}
            connection.execute(sa.update(journey_members).where(mine).values(values))
            entries = ledger_entries.c
            query = sa.select(entries.message_id).where(
                entries.programme == journey.programme, entries.state == PLANNED
            )  # fmt: skip
            waiting = [str(row.message_id) for row in connection.execute(query)]
            move_set(connection, waiting, SetMove(EXPIRED, why, only_from=frozenset({PLANNED})), now)
            stop_placements(connection, journey.programme, now=now)
            _write(connection, journey, by, now, "journey archived", status=ARCHIVED, status_reason="")
        self.source.desk.library.forget_use(Use("journey", key))
        return self.get(key)

    def enter(self, key: str, person_id: int, entry_key: str, by: str, values: dict[str, Any] | None = None) -> bool:
        """Let somebody enter a journey that another system starts; False: this entry was asked for before.

        Raises:
            ConflictError: the journey is not live, or something else starts it.
            InvalidInputError: the values are too long. NotFoundError: there is no such journey.
        """
        now, context = self.settings.clock.now(), orjson.dumps(values or {}).decode()
        if len(context) > LARGEST_VALUES:
            raise InvalidInputError("values", "they are too long", f"{LARGEST_VALUES:,} characters of JSON")
        with self.store.write() as connection:
            journey = find_journey(connection, key)
            _refuse(journey, {DRAFT, PAUSED, ARCHIVED})
            live = find_version(connection, journey.journey_id, journey.live_version or journey.version)
            if not isinstance(live.definition.trigger, Api):
                raise ConflictError(f"journey {key} begins by itself: {live.definition.trigger.words}")
            row = {"journey_id": journey.journey_id, "entry_key": entry_key, "person_id": person_id,
                   "context": context, "at": now}  # fmt: skip
            statement = upsert(connection, journey_requests).values(row).on_conflict_do_nothing()
            made = connection.execute(statement.returning(journey_requests.c.entry_key)).first()
            if made:
                write_audit(connection, now, by, "journey entry asked for", key, entry_key=entry_key)
            return made is not None


def _keep_version(
    connection: Connection, journey_id: int, version: int, definition: Definition, note: str, by: str, now: datetime
) -> None:
    row = {
        "journey_id": journey_id, "version": version, "definition": as_document(definition),
        "definition_hash": definition_hash(definition), "templates": {}, "note": note, "created_at": now,
        "created_by": by,
    }  # fmt: skip
    connection.execute(sa.insert(journey_versions).values(row))


def _refuse(journey: Journey, statuses: set[str]) -> None:
    if journey.status in statuses:
        raise ConflictError(f"journey {journey.key} is {journey.status}")


def _go_on(connection: Connection, programme: str, now: datetime) -> None:
    values = {"is_paused": False, "paused_reason": "", "updated_at": now}
    connection.execute(sa.update(programmes).where(programmes.c.programme == programme).values(values))


def _write(connection: Connection, journey: Journey, by: str, now: datetime, action: str, **values: Any) -> None:
    table = journeys.c
    changed = values | {"updated_at": now, "updated_by": by, "revision": table.revision + 1}
    connection.execute(sa.update(journeys).where(table.journey_id == journey.journey_id).values(changed))
    told = {name: str(value) for name, value in values.items() if name in ("version", "live_version", "status_reason")}
    write_audit(connection, now, by, action, journey.key, **told)
