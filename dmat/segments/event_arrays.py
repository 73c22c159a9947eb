"""Events as arrays: who and when, sorted by time, with the columns of properties that conditions have asked for.

Belongs here: reading one type of event, cutting windows out of it, taking only some people, putting new events in and
others out. Stays out: what a condition on events means (`event_conditions.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dmat.segments.bitmaps import Flags, Ids, PersonIndex, Places, united
from dmat.segments.catalogue import EventType
from dmat.segments.columns import Column, as_sql, column_of_batches, kind_of
from dmat.segments.person_columns import BUILD
from dmat.segments.shelf import Shelf
from dmat.segments.snapshot import Snapshot, quoted, quoted_table

LOADED_AT = "_loaded_at"
Moments = npt.NDArray[np.int64]
_NOBODY: Places = np.empty(0, np.int32)
_MOST_CHANGED_PEOPLE = 200_000


@dataclass(frozen=True, eq=False)
class Events:
    """Events of one type in order of time: `people` are places, `at` is microseconds since 1970.

    `properties` are columns by their name in the table.
    """

    people: Places
    at: Moments
    properties: Mapping[str, Column] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.at)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.people.nbytes + self.at.nbytes + sum(column.nbytes for column in self.properties.values())

    def window(self, after: int | None, until: int | None) -> Events:
        """Events later than `after` and not later than `until`, without copying."""
        start = 0 if after is None else int(np.searchsorted(self.at, after, "right"))
        stop = len(self) if until is None else int(np.searchsorted(self.at, until, "right"))
        return self.slice(start, max(start, stop))

    def slice(self, start: int, stop: int) -> Events:
        """Events by their position in time."""
        parts = {key: column.slice(start, stop) for key, column in self.properties.items()}
        return Events(self.people[start:stop], self.at[start:stop], parts)

    def take(self, chosen: npt.NDArray[Any]) -> Events:
        """The chosen events: flags, or positions in order."""
        parts = {key: column.take(chosen) for key, column in self.properties.items()}
        return Events(self.people[chosen], self.at[chosen], parts)

    def of_people(self, places: Places, size: int) -> Events:
        """The events of these people only, each called by its position in `places`."""
        local = np.full(size, -1, np.int32)
        local[places] = np.arange(len(places), dtype=np.int32)
        chosen = np.flatnonzero(_among(self.people, places, size))
        taken = self.take(chosen)
        return Events(local[taken.people], taken.at, taken.properties)

    def without_people(self, places: Places, size: int) -> Events:
        """The events of everybody else."""
        return self.take(~_among(self.people, places, size))

    def merged(self, fresh: Events) -> Events:
        """These events and others, in order of time."""
        if not len(fresh):
            return self
        spots = np.searchsorted(self.at, fresh.at, "right")
        parts = {key: column.inserted(spots, fresh.properties[key]) for key, column in self.properties.items()}
        return Events(np.insert(self.people, spots, fresh.people), np.insert(self.at, spots, fresh.at), parts)


def _among(people: Places, places: Places, size: int) -> Flags:
    flags = np.zeros(size, np.bool_)
    flags[places] = True
    found: Flags = flags[people]
    return found


@dataclass
class _Loaded:
    """What is kept of a type beside its arrays: how far the mark of the table had come, and how many rows it had."""

    keys: tuple[str, ...]
    mark: Any = None
    rows: int = 0


class EventArrays:
    """Types of events by key; read when first asked for, with the properties asked for until then."""

    def __init__(self, snapshot: Snapshot, index: PersonIndex, limit_bytes: int) -> None:
        self.snapshot = snapshot
        self.index = index
        self._events: Shelf[str, Events] = Shelf(limit_bytes)
        self._types: dict[str, EventType] = {}
        self._loaded: dict[str, _Loaded] = {}

    @property
    def nbytes(self) -> int:
        """Memory of what is kept."""
        return self._events.used_bytes

    def forget(self) -> None:
        """Drop the arrays; they are read again when asked for."""
        self._events.clear()

    def can_hold(self, type_: EventType, keys: Iterable[str]) -> bool:
        """Whether arrays can hold the time and these properties."""
        types = self.snapshot.types(type_.table)
        at = kind_of(types.get(type_.at_column, ""))
        return at in ("moment", "day") and all(kind_of(types.get(key, "")) for key in keys)

    def events(self, type_: EventType, keys: Iterable[str] = ()) -> Events:
        """The events of a type with at least these properties."""
        wanted = frozenset(keys)
        known = self._events.get(type_.key)
        if known is not None and self._types.get(type_.key) == type_ and wanted <= set(known.properties):
            return known
        before = self._loaded.get(type_.key)
        known_columns = self.snapshot.types(type_.table)
        still = {key for key in before.keys if key in known_columns} if before is not None else set()
        return self._read(type_, tuple(sorted(wanted | still)))

    def _read(self, type_: EventType, keys: tuple[str, ...]) -> Events:
        self._events.drop(type_.key)
        rows = self._count(type_)
        self._events.make_room(rows * (12 + 4 * len(keys)))
        events = self._select(type_, keys)
        self._types[type_.key] = type_
        loaded = self._loaded[type_.key] = _Loaded(keys)
        loaded.mark, loaded.rows = self._look(type_)
        return self._events.put(type_.key, events)

    def _select(self, type_: EventType, keys: tuple[str, ...], where: str = "", parameters: Any = ()) -> Events:
        """Read events, a batch at a time, so that what is read never stands in memory beside what is kept."""
        types = self.snapshot.types(type_.table)
        kinds = {key: kind_of(types[key]) or "" for key in keys}
        columns = [as_sql(quoted(key), kind) for key, kind in kinds.items()]
        names = ", ".join([quoted(type_.person_column), as_sql(quoted(type_.at_column), "moment"), *columns])
        sql = f"select {names} from {quoted_table(type_.table)} where {_kept(type_)}{where}"
        people, at, others = _People(self.index), [np.empty(0, np.int64)], {key: list[pa.Array]() for key in keys}
        for batch in self.snapshot.batches(sql, parameters):
            people.add(np.ascontiguousarray(batch.column(0).to_numpy(), np.int64))
            at.append(batch.column(1).cast(pa.int64()).to_numpy().astype(np.int64))
            for number, key in enumerate(keys, 2):
                others[key].append(_shrunk(batch.column(number), kinds[key]))
        times = np.concatenate(at)
        at.clear()
        parts = {key: column_of_batches(others.pop(key), kinds[key]) for key in keys}
        found = _sorted(people.places(), times, parts)
        pa.default_memory_pool().release_unused()
        return found

    def _count(self, type_: EventType) -> int:
        return self.snapshot.number(f"select count(*) from {quoted_table(type_.table)} where {_kept(type_)}")

    def _look(self, type_: EventType) -> tuple[Any, int]:
        """How far the mark of the table has come, and how many rows it has.

        A table without a mark has a sum over everything that is read of it instead.
        """
        mark = self._mark(type_)
        row = self.snapshot.rows(
            f"select {f'max({mark})' if mark else self._sum(type_)}, count(*) from {quoted_table(type_.table)}"
        )
        return row[0][0], int(row[0][1])

    def _sum(self, type_: EventType) -> str:
        names = {*self._loaded[type_.key].keys, type_.person_column, type_.at_column}
        columns = ", ".join(quoted(name) for name in sorted(names))
        return f"sum(cast(hash({columns}) as hugeint)) filter (where {_kept(type_)})"

    def _mark(self, type_: EventType) -> str:
        columns = self.snapshot.types(type_.table)
        return next((name for name in (BUILD, LOADED_AT) if name in columns), "")

    def step(
        self, snapshot: Snapshot, types: Mapping[str, EventType], moved: Places | None
    ) -> dict[str, Places | None]:
        """Move to a newer version; gives the people whose events changed, by type; None where all may have.

        `moved` are people whose events may have become somebody else's without the rows saying so; None: anybody.
        """
        self.snapshot = snapshot
        changes: dict[str, Places | None] = {}
        by_table: dict[str, list[EventType]] = {}
        for key, loaded in list(self._loaded.items()):
            type_ = types.get(key)
            is_same = type_ is not None and type_ == self._types.get(key) and key in self._events
            if type_ is not None and is_same and self.can_hold(type_, loaded.keys):
                by_table.setdefault(type_.table if self._mark(type_) else key, []).append(type_)
            else:
                changes[key] = None
        for alike in by_table.values():
            changes |= self._step_table(alike, moved)
        for key in [key for key, places in changes.items() if places is None]:
            self._drop(key)
        return changes

    def _drop(self, key: str) -> None:
        self._events.drop(key)
        self._loaded.pop(key, None)
        self._types.pop(key, None)

    def _step_table(self, types: list[EventType], moved: Places | None) -> dict[str, Places | None]:
        newest, rows = self._look(types[0])
        loaded = [self._loaded[type_.key] for type_ in types]
        mark = self._mark(types[0])
        if not mark:
            return {types[0].key: _NOBODY if newest == loaded[0].mark else None}
        if newest is None or any(each.mark is None or newest < each.mark for each in loaded):
            return {type_.key: None for type_ in types}
        places = self._written_since(types[0], min(each.mark for each in loaded), mark, moved)
        if places is None:
            return {type_.key: None for type_ in types}
        changes = {
            type_.key: self._update(type_, each, places, rows) for type_, each in zip(types, loaded, strict=True)
        }
        for each in loaded:
            each.mark, each.rows = newest, rows
        return changes

    def _written_since(self, type_: EventType, since: Any, mark: str, moved: Places | None) -> Places | None:
        """The people of rows that were written anew; None for too many, or when people moved and rows do not say so."""
        person, table = quoted(type_.person_column), quoted_table(type_.table)
        ids = self.snapshot.ids(f"select distinct {person} from {table} where {mark} > ?", [since])
        if len(ids) > _MOST_CHANGED_PEOPLE or (mark != BUILD and moved is None):
            return None
        places = self.index.add(ids)
        return united([places] if mark == BUILD or moved is None else [places, moved], len(self.index))

    def _update(self, type_: EventType, loaded: _Loaded, places: Places, rows: int) -> Places | None:
        """New rows only are put in; when rows were written again or went, all those of their people are replaced."""
        known = self._events.get(type_.key)
        if known is None:
            return None
        mark, person = self._mark(type_), quoted(type_.person_column)
        newer = f"select count(*) from {quoted_table(type_.table)} where {mark} > ?"
        if mark == BUILD and rows == loaded.rows + self.snapshot.number(newer, [loaded.mark]):
            fresh = self._select(type_, loaded.keys, f" and {mark} > ?", [loaded.mark])
            self._events.put(type_.key, known.merged(fresh))
            return places
        ids: Ids = self.index.ids[places]
        whole = self._select(type_, loaded.keys, f" and {person} in (select unnest(?::bigint[]))", [ids.tolist()])
        known = known.without_people(places, len(self.index)).merged(whole)
        if len(known) != self._count(type_):
            return None
        self._events.put(type_.key, known)
        return places


class _People:
    """Places of person numbers that come in batches; numbers without a place get theirs at the end, all at once."""

    def __init__(self, index: PersonIndex) -> None:
        self.index = index
        self._found: list[Places] = []
        self._missing: list[tuple[int, Places, Ids]] = []

    def add(self, ids: Ids) -> None:
        """The next batch."""
        found = self.index.find(ids)
        missing = np.flatnonzero(found < 0).astype(np.int32)
        if len(missing):
            self._missing.append((len(self._found), missing, ids[missing]))
        self._found.append(found)

    def places(self) -> Places:
        """The places of all batches."""
        if self._missing:
            self.index.add(np.concatenate([ids for _, _, ids in self._missing]))
            for number, spots, ids in self._missing:
                self._found[number][spots] = self.index.find(ids)
        return np.concatenate(self._found) if self._found else np.empty(0, np.int32)


def _kept(type_: EventType) -> str:
    person, at = quoted(type_.person_column), quoted(type_.at_column)
    return f"({type_.filter_sql or 'true'}) and {person} is not null and {at} is not null"


def _shrunk(array: pa.Array, kind: str) -> pa.Array:
    """Text as codes at once: thousands of the same words need not stand in memory as words."""
    return array.dictionary_encode() if kind == "text" else array


def _sorted(people: Places, at: Moments, properties: dict[str, Column]) -> Events:
    if len(at) < 2 or bool((at[1:] >= at[:-1]).all()):
        return Events(people, at, properties)
    order = np.argsort(at)
    at, people = at[order], people[order]  # one after the other: the old ones go before the next ones come
    for key in list(properties):
        properties[key] = properties[key].take(order)
    return Events(people, at, properties)
