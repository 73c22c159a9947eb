"""The columns of tables with one row a person, read when first asked for and kept in step with published versions.

Belongs here: who is a person, reading columns, and what a newer version changed (rows of a newer `_build`; people that
have gone). Stays out: events (`event_arrays.py`) and what a column is (`columns.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from dmat.segments.bitmaps import Bits, Ids, PersonIndex, Places
from dmat.segments.catalogue import PEOPLE_TABLE, PERSON_COLUMN
from dmat.segments.coded_text import coded_text
from dmat.segments.columns import Column, as_sql, column_of, empty_column, kind_of
from dmat.segments.shelf import Shelf
from dmat.segments.snapshot import Snapshot, quoted, quoted_table

Changes = Mapping[str, Places | None]
BUILD = "_build"
_MOST_CHANGED = 0.25
_READERS = 2


class Source(NamedTuple):
    """Where a column comes from."""

    table: str
    column: str
    person_column: str = PERSON_COLUMN


@dataclass
class _Table:
    """What is known of one table: its newest build, who has a row, and the place of each row of this version."""

    person_column: str
    build: int
    present: Bits
    order: Places | None = field(default=None, repr=False)
    order_version: int = -1


class PersonColumns:
    """Columns by place; every place of the index is in every column."""

    def __init__(self, snapshot: Snapshot, limit_bytes: int) -> None:
        self.snapshot = snapshot
        ids = snapshot.ids(f"select {PERSON_COLUMN} from {PEOPLE_TABLE}")
        self.index = PersonIndex(ids)
        self._columns: Shelf[Source, Column] = Shelf(limit_bytes)
        people = _Table(PERSON_COLUMN, self._newest_build(PEOPLE_TABLE), Bits.every(len(ids)))
        people.order, people.order_version = np.arange(len(ids), dtype=np.int32), snapshot.version.number
        self._tables = {PEOPLE_TABLE: people}

    @property
    def size(self) -> int:
        """How many places there are."""
        return len(self.index)

    @property
    def everybody(self) -> Bits:
        """The people of the people table."""
        return self._tables[PEOPLE_TABLE].present.grown(self.size)

    @property
    def nbytes(self) -> int:
        """Memory of what is kept."""
        return self._columns.used_bytes + self.index.nbytes

    @property
    def used_bytes(self) -> int:
        """Memory of the columns."""
        return self._columns.used_bytes

    @property
    def limit_bytes(self) -> int:
        """Memory that the columns may take."""
        return self._columns.limit_bytes

    def __contains__(self, source: Source) -> bool:
        """Whether a column is in memory."""
        return source in self._columns

    def forget(self, keep: Collection[Source] = ()) -> None:
        """Drop the columns except these; they are read again when asked for."""
        for source in self._columns:
            if source not in keep:
                self._columns.drop(source)

    def kind(self, source: Source) -> str | None:
        """The kind of a column, None when arrays cannot hold it."""
        return kind_of(self.snapshot.types(source.table).get(source.column, ""))

    def column(self, source: Source) -> Column | None:
        """The column by place, or None when arrays cannot hold it."""
        kind = self.kind(source)
        if kind is None:
            return None
        column = self._columns.get(source)
        if column is None:
            column = self._read(source, kind)
            self._columns.put(source, column)
        if len(column) < self.size:
            column = column.patched(np.empty(0, np.int32), empty_column(kind), self.size)
            self._columns.put(source, column)
        return column

    def read_ahead(self, sources: Iterable[Source]) -> None:
        """Read those of these columns that are not in memory, two at a time."""
        wanted = {source: self.kind(source) for source in sources if source not in self._columns}
        stored = {source: kind for source, kind in wanted.items() if kind and self.snapshot.is_table(source.table)}
        if len(stored) < 2:
            return
        orders = {source: self._order(source) for source in stored}
        with ThreadPoolExecutor(_READERS) as readers:
            columns = readers.map(self._read_stored, stored.keys(), stored.values())
        for source, column in zip(stored, columns, strict=True):
            self._columns.put(source, self._in_places(column, orders[source]))

    def _read(self, source: Source, kind: str) -> Column:
        name = as_sql(quoted(source.column), kind)
        if not self.snapshot.is_table(source.table):
            found = self.snapshot.arrow(
                f"select {quoted(source.person_column)}, {name} from {quoted_table(source.table)}"
                f" where {quoted(source.person_column)} is not null"
            )
            order = self.index.add(np.ascontiguousarray(found.column(0).to_numpy(), np.int64))
            self._tables.setdefault(source.table, self._table(source, order))
            return column_of(found.column(1), kind).spread(order, self.size)
        order = self._order(source)
        return self._in_places(self._read_stored(source, kind), order)

    def _read_stored(self, source: Source, kind: str) -> Column:
        """The values of a stored table, in the order of its rows; several threads may read at once."""
        rows = f"{quoted_table(source.table)} where {quoted(source.person_column)} is not null"
        if kind == "text":
            column = coded_text(self.snapshot, quoted(source.column), rows)
            if column is not None:
                return column
        found = self.snapshot.arrow(f"select {as_sql(quoted(source.column), kind)} from {rows}")
        return column_of(found.column(0), kind)

    def _in_places(self, column: Column, order: Places) -> Column:
        is_in_place = len(order) == self.size and (not len(order) or bool((order == np.arange(self.size)).all()))
        return column if is_in_place else column.spread(order, self.size)

    def _order(self, source: Source) -> Places:
        """The places of the table's rows, in the order in which a scan of this version gives them."""
        table = self._tables.get(source.table)
        number = self.snapshot.version.number
        if table is None or table.order is None or table.order_version != number:
            name = quoted(source.person_column)
            ids = self.snapshot.ids(f"select {name} from {quoted_table(source.table)} where {name} is not null")
            places = self.index.add(ids)
            if table is None:
                table = self._tables[source.table] = self._table(source, places)
            table.order, table.order_version = places, number
        assert table.order is not None  # noqa: S101 - just set
        return table.order

    def _table(self, source: Source, places: Places) -> _Table:
        return _Table(source.person_column, self._newest_build(source.table), Bits.at(places, self.size))

    def _newest_build(self, table: str) -> int:
        if BUILD not in self.snapshot.types(table):
            return -1
        return self.snapshot.number(f"select max({BUILD}) from {quoted_table(table)}")

    def step(self, snapshot: Snapshot) -> dict[str, Places | None]:
        """Move to a newer version; gives the places whose rows changed, by table; None where all may have."""
        self.snapshot = snapshot
        return {name: self._step_table(name, table) for name, table in list(self._tables.items())}

    def _step_table(self, name: str, table: _Table) -> Places | None:
        table.order = None
        newest = self._newest_build(name)
        if newest < table.build or table.build < 0:
            self._read_again(name, table, newest)
            return None
        person = quoted(table.person_column)
        changed = self.snapshot.ids(
            f"select {person} from {quoted_table(name)} where {BUILD} > ? and {person} is not null", [table.build]
        )
        if len(changed) > _MOST_CHANGED * max(1_000, self.size):
            self._read_again(name, table, newest)
            return None
        places = np.unique(self.index.add(changed))
        present = table.present.grown(self.size) | Bits.at(places, self.size)
        gone = self._gone(name, table, present)
        table.present = present.without(Bits.at(gone, self.size))
        if len(places):
            self._patch(name, table, table.build)
        if len(gone):
            self._blank(name, gone)
        table.build = newest
        found: Places = np.union1d(places, gone).astype(np.int32)
        return found

    def _gone(self, name: str, table: _Table, present: Bits) -> Places:
        if self.snapshot.number(f"select count({quoted(table.person_column)}) from {quoted_table(name)}") == len(
            present
        ):
            return np.empty(0, np.int32)
        return present.without(self._everyone_in(name, table).grown(self.size)).places()

    def _everyone_in(self, name: str, table: _Table) -> Bits:
        person = quoted(table.person_column)
        ids = self.snapshot.ids(f"select {person} from {quoted_table(name)} where {person} is not null")
        places = self.index.add(ids)
        return Bits.at(places, self.size)

    def _read_again(self, name: str, table: _Table, newest: int) -> None:
        for source in self._sources(name):
            self._columns.drop(source)
        table.present = self._everyone_in(name, table)
        table.build = newest

    def _sources(self, name: str) -> list[Source]:
        return [source for source in self._columns if source.table == name]

    def _patch(self, name: str, table: _Table, since: int) -> None:
        sources = [source for source in self._sources(name) if self._keeps_kind(source)]
        if not sources:
            return
        kinds = [self.kind(source) or "" for source in sources]
        chosen = ", ".join(as_sql(quoted(source.column), kind) for source, kind in zip(sources, kinds, strict=True))
        person = quoted(table.person_column)
        found = self.snapshot.arrow(
            f"select {person}, {chosen} from {quoted_table(name)} where {BUILD} > ? and {person} is not null", [since]
        )
        ids: Ids = np.ascontiguousarray(found.column(0).to_numpy(), np.int64)
        places = self.index.find(ids)
        for number, (source, kind) in enumerate(zip(sources, kinds, strict=True), 1):
            column = self._columns.get(source)
            if column is not None:
                self._columns.put(source, column.patched(places, column_of(found.column(number), kind), self.size))

    def _keeps_kind(self, source: Source) -> bool:
        """Whether the column is still what was read; if not it is dropped."""
        column = self._columns.get(source)
        if column is not None and column.kind == self.kind(source):
            return True
        self._columns.drop(source)
        return False

    def _blank(self, name: str, gone: Places) -> None:
        for source in self._sources(name):
            column = self._columns.get(source)
            if column is not None:
                empty = empty_column(column.kind, len(gone))
                self._columns.put(source, column.patched(gone, empty, self.size))
