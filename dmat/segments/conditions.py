"""Conditions of a rule answered from arrays: one truth value for each person of a view.

Belongs here: fields, and which parts of a rule arrays can answer at all. Stays out: events (`event_conditions.py`,
`sequence_conditions.py`), putting conditions together (`engine.py`). The same in SQL (`compiler.py`) is the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow.compute as pc

from dmat.segments.bitmaps import Flags
from dmat.segments.catalogue import Property
from dmat.segments.columns import Column
from dmat.segments.comparisons import Asked, compare, positive
from dmat.segments.rules import Attribute, PropertyCondition
from dmat.segments.spans import Bounds, date_bounds, moment_of, within
from dmat.segments.view import View, ZoneNumbers


@dataclass(frozen=True)
class Terms:
    """At which moment, and in whose calendar days."""

    now: datetime
    zone: str
    by_person: bool = False


@dataclass(frozen=True)
class Zones:
    """The zones that count in a rule, and the number of each value's zone (None: all have the only one)."""

    names: tuple[str, ...]
    numbers: ZoneNumbers | None = None

    def take(self, people: np.ndarray[tuple[int], np.dtype[np.int32]]) -> Zones:
        """The zones of events, by the people they belong to."""
        return self if self.numbers is None else Zones(self.names, self.numbers[people])


def zones_of(view: View, terms: Terms) -> Zones:
    """The zones of the people of a view."""
    if not terms.by_person or not view.catalogue.zones:
        return Zones((terms.zone,))
    names = tuple(dict.fromkeys((terms.zone, *view.catalogue.zones)))
    return Zones(names, view.zones(names, 0))


def attribute_flags(node: Attribute, view: View, terms: Terms) -> Flags | None:
    """Where a condition on a field is true; None when arrays cannot say."""
    field = view.catalogue.fields[node.field]
    asked, is_not = positive(Asked(field.type, node.op, node.value))
    names = [field.column, *([field.currency_column] if node.currency and field.currency_column else [])]
    for name in names:  # reading one may bring new people, for whom the others then have a place too
        view.column(field.table, name, field.person_column)
    zones = zones_of(view, terms)
    column, *currencies = (view.column(field.table, name, field.person_column) for name in names)
    if column is None:
        return None
    flags = value_flags(asked, column, view, terms, zones)
    for currency in currencies:
        flags = None if currency is None or flags is None else flags & in_currency(currency, str(node.currency))
    return flags if flags is None or not is_not else ~flags


def property_flags(
    condition: PropertyCondition, found: Property, columns: Mapping[str, Column], view: View, terms: Terms, zones: Zones
) -> Flags | None:
    """Where a condition on a property of events is true, by event; columns are by their name in the table."""
    asked, is_not = positive(Asked(found.type, condition.op, condition.value))
    flags = value_flags(asked, columns[found.column], view, terms, zones)
    if flags is not None and condition.currency and found.currency_column:
        flags = flags & in_currency(columns[found.currency_column], condition.currency)
    return flags if flags is None or not is_not else ~flags


def in_currency(column: Column, currency: str) -> Flags:
    """Where money is in a currency."""
    lower = currency.lower()
    return column.answers(lambda texts: pc.equal(texts, lower))


def value_flags(asked: Asked, column: Column, view: View, terms: Terms, zones: Zones) -> Flags | None:
    """Where a positive question on a column is true."""
    if asked.type != "date" or asked.op == "is_known":
        return compare(asked, column, view.catalogue)
    if column.kind not in ("day", "moment"):
        return None
    bounds = bounds_of(asked, column, terms, zones)
    return column.where_known(flags_within(bounds, column, zones))


def bounds_of(asked: Asked, column: Column, terms: Terms, zones: Zones) -> list[Bounds]:
    """The spans of a condition on a date, by zone."""
    years = _years(column) if asked.op.startswith("anniversary") else (1970, 1970)
    return [date_bounds(asked, column.kind == "day", terms.now, zone, years) for zone in zones.names]


def flags_within(bounds: list[Bounds], column: Column, zones: Zones) -> Flags:
    """Which values lie in the spans of their zone; zones with the same spans are looked at once."""
    if zones.numbers is None or len(set(bounds)) == 1:
        return within(bounds[0], column.values)
    flags = np.zeros(len(column), np.bool_)
    for alike in set(bounds):
        chosen = np.array([found == alike for found in bounds], np.bool_)[zones.numbers]
        if chosen.any():
            flags |= chosen & within(alike, column.values)
    return flags


def _years(column: Column) -> tuple[int, int]:
    known = column.values if column.known is None else column.values[column.known]
    if not len(known):
        return (1970, 1970)
    factor = 86_400_000_000 if column.kind == "day" else 1
    first, last = (moment_of(int(value) * factor).year for value in (known.min(), known.max()))
    return (max(first - 1, 1), min(last + 1, 9_998))
