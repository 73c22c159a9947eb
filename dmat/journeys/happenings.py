"""What happened to people within a span of time that journeys want to hear of.

Belongs here: events of the catalogue, carts that were ordered, segments that were left. Stays out: what follows from
them (`machine.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from dmat.journeys.definition import CART_ORDERED, Definition
from dmat.journeys.entries import Source, event_of, event_sql
from dmat.journeys.machine import Happening, watches


@dataclass
class Happenings:
    """Happenings by person, and by cart."""

    of_person: dict[int, list[Happening]] = field(default_factory=lambda: defaultdict(list))
    of_cart: dict[str, list[Happening]] = field(default_factory=lambda: defaultdict(list))

    def of(self, person_id: int, entry_key: str) -> list[Happening]:
        """What concerns one member."""
        found = self.of_person.get(person_id, [])
        carts = self.of_cart.get(entry_key)
        return [*found, *carts] if carts else found

    def __len__(self) -> int:
        return len(self.of_person) + len(self.of_cart)


def find_happenings(source: Source, definitions: Iterable[Definition], since: datetime, until: datetime) -> Happenings:
    """Everything that one of the journeys watches, with `since < at <= until`.

    Raises:
        NotFoundError: an event is not in the catalogue any more. NotPublishedError: there are no tables yet.
    """
    found, every = Happenings(), list(definitions)
    events: dict[str, bool] = {}
    for definition in every:
        for watched in watches(definition):
            named = bool(watched.where)
            events[watched.event] = events.get(watched.event, False) or named
    for event in events:
        _read_event(source, every, event, since, until, found)
    if any(watched.event == CART_ORDERED for definition in every for watched in definition.watched):
        _read_carts(source, since, until, found)
    for segment in sorted({key for definition in every for key in definition.left_segments}):
        _read_left(source, segment, since, until, found)
    return found


def _read_event(
    source: Source, definitions: list[Definition], event: str, since: datetime, until: datetime, found: Happenings
) -> None:
    named = tuple(
        w for each in definitions for watched in watches(each) if watched.event == event for w in watched.where
    )
    events = event_sql(event_of(source.desk, event), named)
    query = f"select * from ({events}) where happened_at > ? and happened_at <= ?"
    for row in source.desk.workspace.rows(query, [since, until]):
        person, at = int(row.pop("person_id")), row.pop("happened_at")
        found.of_person[person].append(Happening(event, at, row))


def _read_carts(source: Source, since: datetime, until: datetime, found: Happenings) -> None:
    if "commerce.fct_carts" not in source.desk.workspace.tables():
        return
    query = "select cart_id, completed_at from commerce.fct_carts where completed_at > ? and completed_at <= ?"
    for row in source.desk.workspace.rows(query, [since, until]):
        found.of_cart[str(row["cart_id"])].append(Happening(CART_ORDERED, row["completed_at"]))


def _read_left(source: Source, segment: str, since: datetime, until: datetime, found: Happenings) -> None:
    query = """
        select person_id, left_recorded_at as at from segments.segment_memberships
        where segment_key = ? and left_recorded_at > ? and left_recorded_at <= ?
    """
    for row in source.desk.workspace.rows(query, [segment, since, until]):
        found.of_person[int(row["person_id"])].append(Happening(f"left:{segment}", row["at"]))
