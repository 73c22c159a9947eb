"""What conditions are asked of: all people, or some of them, with their columns and events.

Belongs here: the same questions for everybody (kept bitmaps are made so) and for a few (kept bitmaps are changed so).
Stays out: the arrays themselves and what a condition means.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dmat.segments.bitmaps import Places
from dmat.segments.catalogue import PEOPLE_TABLE, TIME_ZONE_COLUMN, Catalogue, EventType
from dmat.segments.columns import Column
from dmat.segments.event_arrays import EventArrays, Events
from dmat.segments.person_columns import PersonColumns, Source

ZoneNumbers = npt.NDArray[np.int16]


class View:
    """Everybody; places are those of the index."""

    def __init__(self, catalogue: Catalogue, columns: PersonColumns, arrays: EventArrays) -> None:
        self.catalogue, self.columns, self.arrays = catalogue, columns, arrays

    @property
    def size(self) -> int:
        """How many people are looked at."""
        return self.columns.size

    def of(self, places: Places) -> Some:
        """The same for these people only."""
        return Some(self, places)

    def column(self, table: str, column: str, person_column: str) -> Column | None:
        """A column, or None when arrays cannot hold it."""
        return self.columns.column(Source(table, column, person_column))

    def can_hold(self, type_: EventType, keys: Iterable[str]) -> bool:
        """Whether arrays can hold these events with these properties."""
        return self.arrays.can_hold(type_, keys)

    def events(self, type_: EventType, keys: Iterable[str]) -> Events:
        """The events of a type, with these properties at least."""
        return self.arrays.events(type_, keys)

    def zones(self, names: tuple[str, ...], otherwise: int) -> ZoneNumbers:
        """The number of each person's zone among the names; `otherwise` for those in none of them."""
        column = self.column(PEOPLE_TABLE, TIME_ZONE_COLUMN, "person_id")
        if column is None or column.dictionary is None:
            return np.full(self.size, otherwise, np.int16)
        numbers = {name: number for number, name in enumerate(names)}
        texts = column.dictionary.texts.to_pylist()
        by_code = np.array([otherwise, *(numbers.get(text, otherwise) for text in texts)], np.int16)
        found: ZoneNumbers = by_code[column.values]
        return found


class Some(View):
    """Some people; each is called by its position among them."""

    def __init__(self, whole: View, places: Places) -> None:
        super().__init__(whole.catalogue, whole.columns, whole.arrays)
        self.whole, self.places = whole, places
        self._columns: dict[tuple[str, str, str], Column | None] = {}
        self._events: dict[str, Events] = {}

    @property
    def size(self) -> int:
        """How many people are looked at."""
        return len(self.places)

    def column(self, table: str, column: str, person_column: str) -> Column | None:
        """A column, or None when arrays cannot hold it."""
        key = (table, column, person_column)
        if key not in self._columns:
            found = self.whole.column(*key)
            self._columns[key] = None if found is None else found.take(self.places)
        return self._columns[key]

    def events(self, type_: EventType, keys: Iterable[str]) -> Events:
        """The events of a type, with these properties at least."""
        wanted = set(keys)
        found = self._events.get(type_.key)
        if found is None or not wanted <= set(found.properties):
            events = self.whole.events(type_, wanted)
            found = self._events[type_.key] = events.of_people(self.places, self.whole.size)
        return found
