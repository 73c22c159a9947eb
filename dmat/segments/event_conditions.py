"""Conditions on what people did, from event arrays: a window is a slice, a measure is a count over places.

Belongs here: which events count, measures of them, whether the measure fits. Stays out: sequences
(`sequence_conditions.py`). The same in SQL (`events.py`) is the reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dmat.segments.bitmaps import Flags
from dmat.segments.catalogue import EventType, Property
from dmat.segments.columns import Column, Dictionary
from dmat.segments.comparisons import Asked, compare_numbers, in_units, positive
from dmat.segments.conditions import Terms, Zones, flags_within, in_currency, property_flags, value_flags, zones_of
from dmat.segments.event_arrays import Events
from dmat.segments.measures import measured
from dmat.segments.rules import Event, PropertyCondition
from dmat.segments.spans import HIGHEST, LOWEST, window_bounds
from dmat.segments.tree import Window
from dmat.segments.view import View


@dataclass(frozen=True)
class Wanted:
    """Which events are asked for."""

    event: str
    where: tuple[PropertyCondition, ...] = ()
    window: Window | None = None


def conditions_of(type_: EventType, where: Iterable[PropertyCondition]) -> tuple[PropertyCondition, ...]:
    """The conditions asked for, and those that hold unless a condition names the property."""
    asked = tuple(where)
    named = {condition.property for condition in asked}
    usual = (
        PropertyCondition(property=found.key, op=found.default_op)
        for found in type_.properties.values()
        if found.default_op and found.key not in named
    )
    return (*asked, *usual)


def columns_needed(type_: EventType, where: Iterable[PropertyCondition], measured_property: str = "") -> set[str]:
    """The columns of the event table that these conditions and this measure look at."""
    keys = {condition.property for condition in conditions_of(type_, where)} | ({measured_property} - {""})
    found = [type_.properties[key] for key in keys]
    return {name for each in found for name in (each.column, each.currency_column) if name}


def find_events(wanted: Wanted, view: View, terms: Terms, measured_property: str = "") -> Events | None:
    """The events for which everything holds; None when arrays cannot say."""
    type_ = view.catalogue.events[wanted.event]
    columns = columns_needed(type_, wanted.where, measured_property)
    if not view.can_hold(type_, columns):
        return None
    whole = view.events(type_, columns)
    zones = zones_of(view, terms)  # after reading events, which may bring people that had no place
    events = _in_window(whole, wanted.window, terms, zones)
    conditions = conditions_of(type_, wanted.where)
    if not conditions:
        return events
    by_event = zones.take(events.people)
    flags: Flags | None = None
    for condition in conditions:
        found = type_.properties[condition.property]
        holds = property_flags(condition, found, events.properties, view, terms, by_event)
        if holds is None:
            return None
        flags = holds if flags is None else flags & holds
    return events if flags is None else events.take(np.flatnonzero(flags))


def _in_window(events: Events, window: Window | None, terms: Terms, zones: Zones) -> Events:
    if window is None:
        return events
    bounds = [window_bounds(window, terms.now, zone) for zone in zones.names]
    low, high = min(each[0] for each in bounds), max(each[1] for each in bounds)
    start = 0 if low == LOWEST else int(np.searchsorted(events.at, low, "left"))
    stop = len(events) if high == HIGHEST else int(np.searchsorted(events.at, high, "left"))
    cut = events.slice(start, max(start, stop))
    if len(set(bounds)) == 1:
        return cut
    column = Column("moment", cut.at)
    return cut.take(np.flatnonzero(flags_within(bounds, column, zones.take(cut.people))))


def event_flags(node: Event, view: View, terms: Terms) -> Flags | None:
    """Where a condition on events is true; None when arrays cannot say."""
    events = find_events(Wanted(node.event, node.where, node.window), view, terms, node.property or "")
    if events is None:
        return None
    if node.measure is None:
        flags = np.zeros(view.size, np.bool_)
        flags[events.people] = True
        return flags if node.did else ~flags
    return _measure_flags(node, events, view, terms)


def _measure_flags(node: Event, events: Events, view: View, terms: Terms) -> Flags | None:
    type_ = view.catalogue.events[node.event]
    target = measured(type_, str(node.measure), node.property)
    if target is None:
        return None
    asked, is_not = positive(Asked(target.type, str(node.op), node.value))
    of = type_.properties[node.property] if node.property else None
    if node.measure == "avg" and asked.op != "is_known":
        flags = _average_flags(asked, events, of, node, view.size)
    else:
        column = _measure(node, events, of, view.size)
        flags = None if column is None else value_flags(asked, column, view, terms, zones_of(view, terms))
    return flags if flags is None or not is_not else ~flags


def _measure(node: Event, events: Events, of: Property | None, size: int) -> Column | None:
    """The measure by person, of a kind that its conditions can be asked of."""
    if node.measure == "count":
        return Column("integer", np.bincount(events.people, minlength=size))
    if of is None:
        return _end_times(events, node.measure == "first", size)
    events, column = _known(events, of, node.currency)
    if node.measure == "distinct":
        return Column("integer", _distinct(events, column, size))
    if node.measure in ("sum", "avg"):
        known = None if node.measure == "sum" else np.bincount(events.people, minlength=size) > 0
        return Column("real", np.bincount(events.people, column.values.astype(np.float64), size), known)
    if node.measure in ("min", "max"):
        return _extreme(events, column, node.measure == "min", size)
    return _end_values(events, column, node.measure == "first", size)


def _known(events: Events, of: Property, currency: str | None) -> tuple[Events, Column]:
    """Only events whose value is known, in the currency asked for."""
    column = events.properties[of.column]
    flags = column.is_known()
    if currency and of.currency_column:
        flags = flags & in_currency(events.properties[of.currency_column], currency)
    if not flags.all():
        events = events.take(np.flatnonzero(flags))
        column = events.properties[of.column]
    return events, Column(column.kind, column.values, None, column.dictionary)


def _average_flags(asked: Asked, events: Events, of: Property | None, node: Event, size: int) -> Flags | None:
    """An average is judged as the sum against the bound times the count, so that nothing is rounded."""
    if of is None:
        return None
    events, column = _known(events, of, node.currency)
    counts = np.bincount(events.people, minlength=size)
    sums = np.bincount(events.people, column.values.astype(np.float64), size)
    factor = 100 if asked.type == "money" else 1
    flags = counts > 0
    for op, value in _single(asked):
        excess = Column("real", sums - in_units(value, factor) * counts)
        flags = flags & compare_numbers(Asked("number", op, 0), excess)
    return flags


def _single(asked: Asked) -> Iterator[tuple[str, float]]:
    if asked.op == "between":
        yield "at_least", asked.value[0]
        yield "at_most", asked.value[1]
    else:
        yield asked.op, asked.value


def _end_times(events: Events, is_first: bool, size: int) -> Column:
    spots = _end_spots(events, is_first, size)
    known = spots >= 0
    return Column("moment", np.where(known, events.at[spots] if len(events) else 0, 0), known)


def _end_spots(events: Events, is_first: bool, size: int) -> npt.NDArray[np.int64]:
    """The first or last event of each person, -1 for none; of assignments to one place the last one stays."""
    spots = np.full(size, -1, np.int64)
    numbers = np.arange(len(events))
    if is_first:
        spots[events.people[::-1]] = numbers[::-1]
    else:
        spots[events.people] = numbers
    return spots


def _distinct(events: Events, column: Column, size: int) -> npt.NDArray[np.int64]:
    codes = _codes(column)
    kinds = int(codes.max()) + 1 if len(codes) else 1
    if size * kinds <= 64_000_000:
        seen = np.zeros(size * kinds, np.bool_)
        seen[events.people.astype(np.int64) * kinds + codes] = True
        counts: npt.NDArray[np.int64] = seen.reshape(size, kinds).sum(1, dtype=np.int64)
        return counts
    pairs = np.unique(events.people.astype(np.int64) * kinds + codes)
    return np.bincount(pairs // kinds, minlength=size).astype(np.int64)


def _codes(column: Column) -> npt.NDArray[np.int64]:
    """A small number for each different value."""
    if column.dictionary is not None:
        return _same_code_for_same_text(column.dictionary)[column.values]
    codes: npt.NDArray[np.int64] = np.unique(column.values, return_inverse=True)[1].astype(np.int64)
    return codes


def _same_code_for_same_text(dictionary: Dictionary) -> npt.NDArray[np.int64]:
    coded = dictionary.texts.dictionary_encode()
    codes: npt.NDArray[np.int64] = np.concatenate(([0], coded.indices.to_numpy(zero_copy_only=False) + 1)).astype(
        np.int64
    )
    return codes


def _extreme(events: Events, column: Column, is_min: bool, size: int) -> Column:
    order = np.minimum if is_min else np.maximum
    values = column.values.astype(np.float64 if column.kind == "real" else np.int64)
    start: Any = HIGHEST if is_min else LOWEST
    found = np.full(size, start, values.dtype)
    order.at(found, events.people, values)
    known = np.zeros(size, np.bool_)
    known[events.people] = True
    return Column(column.kind, np.where(known, found, 0), known)


def _end_values(events: Events, column: Column, is_first: bool, size: int) -> Column:
    """The value at the first or last event; of several at that moment the smallest or largest."""
    ranks = _ranks(column)
    spots = _end_spots(events, is_first, size)
    known = spots >= 0
    at_end = np.flatnonzero(events.at == events.at[spots[events.people]])
    order = np.minimum if is_first else np.maximum
    best = np.full(size, HIGHEST if is_first else LOWEST, np.int64)
    order.at(best, events.people[at_end], ranks[at_end])
    winners = at_end[ranks[at_end] == best[events.people[at_end]]]
    values = np.zeros(size, column.values.dtype)
    values[events.people[winners]] = column.values[winners]
    return Column(column.kind, values, None if column.dictionary is not None else known, column.dictionary)


def _ranks(column: Column) -> npt.NDArray[np.int64]:
    """Numbers that order values as SQL does: text by its bytes."""
    if column.dictionary is not None:
        by_code = pc.rank(column.dictionary.texts.cast(pa.large_binary()), tiebreaker="min")
        return np.concatenate(([0], by_code.to_numpy())).astype(np.int64)[column.values]
    return np.unique(column.values, return_inverse=True)[1].astype(np.int64)
