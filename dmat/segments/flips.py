"""Who may answer a condition differently by time alone, and when the next of them does.

Belongs here: for two moments the people between whose answers something lies that time moves; the next moment at which
there is somebody. Stays out: looking at these people again (`engine.py`).

Nothing is kept for this: events stand in order of time, so those that a moving window took in or let go between two
moments are two slices; of dates the values between the old and the new bounds are taken. Who is not named has the same
answer at both moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import numpy as np

from dmat.segments.bitmaps import Places, united
from dmat.segments.comparisons import Asked, positive
from dmat.segments.conditions import Terms, Zones, bounds_of, flags_within, zones_of
from dmat.segments.event_arrays import Events
from dmat.segments.event_conditions import conditions_of
from dmat.segments.measures import measured
from dmat.segments.moments import day_start, exact_hours, local_day, next_day
from dmat.segments.rules import Attribute, Event, PropertyCondition, Sequence
from dmat.segments.spans import (
    HIGHEST,
    LOWEST,
    Bounds,
    Moves,
    date_bounds,
    difference,
    moment_of,
    moves_of,
    moves_of_window,
    ticks,
    window_bounds,
)
from dmat.segments.tree import AnyNode, Window
from dmat.segments.view import View

NOBODY: Places = np.empty(0, np.int32)
_HOUR = 3_600_000_000
_SOON = timedelta(seconds=30)


def moves(node: AnyNode, view: View) -> Moves:
    """What makes the answers to a condition change without new data."""
    if isinstance(node, Attribute):
        field = view.catalogue.fields[node.field]
        return _moves_of_value(Asked(field.type, node.op, node.value), field.is_calendar_day)
    if isinstance(node, Event):
        found = [moves_of_window(node.window), *moves_of_where(node.event, node.where, view)]
        asked, is_day = asked_of_measure(node, view)
        return _all_of([*found, *([_moves_of_value(asked, is_day)] if asked else [])])
    if isinstance(node, Sequence):
        steps = (*node.steps, *([node.without] if node.without else []))
        found = [move for step in steps for move in moves_of_where(step.event, step.where, view)]
        return _all_of([moves_of_window(node.window), *found, Moves(with_time=_waits(node))])
    return Moves()


def due(node: AnyNode, view: View, before: Terms, after: Terms) -> Places | None:
    """Everybody whose answer at one moment may differ from that at the other; None for `look at everybody`."""
    if moves(node, view) == Moves():
        return NOBODY
    if isinstance(node, Attribute):
        return _due_by_value(node, view, before, after)
    if isinstance(node, Event):
        if _all_of(moves_of_where(node.event, node.where, view)) != Moves():
            return None
        spans = list(_changed_spans(node, view, before, after))
        return None if None in spans else _people_at(view, node.event, [span for span in spans if span is not None])
    if isinstance(node, Sequence):
        return _due_by_sequence(node, view, before, after)
    return NOBODY


def next_flip(node: AnyNode, view: View, terms: Terms) -> datetime | None:
    """A moment after now before which nobody's answer changes by time alone; None when none ever does."""
    how = moves(node, view)
    found = [_next_midnight(view, terms)] if how.at_midnight else []
    if how.with_time:
        found += [moment for moment in _next_by_time(node, view, terms) if moment is not None]
        found += [terms.now + _SOON] if _is_hidden(node, view) else []
    return min(found) if found else None


def _is_hidden(node: AnyNode, view: View) -> bool:
    """Whether what time moves is not in order of time: dates beside events, spans of months in sequences."""
    if isinstance(node, Event):
        asked, is_day = asked_of_measure(node, view)
        by_property = asked is not None and node.property is not None and _moves_of_value(asked, is_day).with_time
        return by_property or _all_of(moves_of_where(node.event, node.where, view)).with_time
    if isinstance(node, Sequence):
        steps = (*node.steps, *([node.without] if node.without else []))
        by_where = any(_all_of(moves_of_where(step.event, step.where, view)).with_time for step in steps)
        return by_where or (_waits(node) and _wait(node) is None)
    return False


def _all_of(parts: Iterable[Moves]) -> Moves:
    found = list(parts)
    return Moves(any(part.with_time for part in found), any(part.at_midnight for part in found))


def _moves_of_value(asked: Asked, is_day: bool) -> Moves:
    return moves_of(positive(asked)[0], is_day) if asked.type == "date" else Moves()


def moves_of_where(event: str, where: Iterable[PropertyCondition], view: View) -> list[Moves]:
    type_ = view.catalogue.events[event]
    return [
        _moves_of_value(
            Asked(type_.properties[condition.property].type, condition.op, condition.value),
            type_.properties[condition.property].is_calendar_day,
        )
        for condition in conditions_of(type_, where)
    ]


def asked_of_measure(node: Event, view: View) -> tuple[Asked | None, bool]:
    """What is asked of the measure, when it is a date."""
    if node.measure is None:
        return None, False
    target = measured(view.catalogue.events[node.event], node.measure, node.property)
    if target is None or target.type != "date":
        return None, False
    return positive(Asked("date", str(node.op), node.value))[0], target.is_calendar_day


def _waits(node: Sequence) -> bool:
    """Whether a sequence becomes true by waiting."""
    return len(node.steps) == 1 and node.without is not None and node.without.within is not None


def _due_by_value(node: Attribute, view: View, before: Terms, after: Terms) -> Places | None:
    field = view.catalogue.fields[node.field]
    column = view.column(field.table, field.column, field.person_column)
    if column is None or column.kind not in ("day", "moment"):
        return None
    asked, _ = positive(Asked(field.type, node.op, node.value))
    zones = zones_of(view, after)
    changed = [
        difference(one, other)
        for one, other in zip(
            bounds_of(asked, column, before, zones), bounds_of(asked, column, after, zones), strict=True
        )
    ]
    if not any(changed):
        return NOBODY
    return np.flatnonzero(column.where_known(flags_within(changed, column, zones))).astype(np.int32)


def _changed_spans(node: Event, view: View, before: Terms, after: Terms) -> Iterator[Bounds | None]:
    """The spans of time in which an event now counts otherwise; None when that cannot be said."""
    yield difference(window_bounds(node.window, before.now, "UTC"), window_bounds(node.window, after.now, "UTC"))
    asked, is_day = asked_of_measure(node, view)
    if asked is None or _moves_of_value(asked, is_day) == Moves():
        return
    if node.property is not None:
        yield None  # dates beside the event: not in order of time
        return
    years = _years(view.events(view.catalogue.events[node.event], ()))
    for zone in zone_names(view, after):
        spans = [date_bounds(asked, False, terms.now, zone, years) for terms in (before, after)]
        yield difference(*spans)


def _years(events: Events) -> tuple[int, int]:
    if not len(events):
        return (1970, 1970)
    return (moment_of(int(events.at[0])).year - 1, moment_of(int(events.at[-1])).year + 1)


def zone_names(view: View, terms: Terms) -> tuple[str, ...]:
    return (terms.zone, *view.catalogue.zones) if terms.by_person else (terms.zone,)


def _due_by_sequence(node: Sequence, view: View, before: Terms, after: Terms) -> Places | None:
    steps = (*node.steps, *([node.without] if node.without else []))
    if any(_all_of(moves_of_where(step.event, step.where, view)) != Moves() for step in steps):
        return None
    window = difference(*(window_bounds(node.window, terms.now, "UTC") for terms in (before, after)))
    found = [_people_at(view, step.event, [window]) for step in node.steps]
    if _waits(node):
        length = _wait(node)
        if length is None:
            return None
        bounds = difference(*((LOWEST, ticks(terms.now) - length + 1) for terms in (before, after)))
        found.append(_people_at(view, node.steps[0].event, [bounds]))
    return united(found, view.size)


def _wait(node: Sequence) -> int | None:
    span = node.without.within if node.without is not None else None
    hours = exact_hours(span) if span is not None else None
    return None if hours is None else hours * _HOUR


def _people_at(view: View, event: str, spans: Iterable[Bounds]) -> Places:
    """Who has an event in one of the spans."""
    events = view.events(view.catalogue.events[event], ())
    found = [NOBODY]
    for bounds in spans:
        edges = np.searchsorted(events.at, np.array(bounds, np.int64), "left")
        found += [events.people[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]
    return united(found, view.size)


def _next_midnight(view: View, terms: Terms) -> datetime:
    """The next midnight of a zone that counts, or of UTC, by which months go."""
    names = {"UTC", *zone_names(view, terms)}
    return min(day_start(next_day(local_day(terms.now, zone)), zone) for zone in names)


def _next_by_time(node: AnyNode, view: View, terms: Terms) -> Iterator[datetime | None]:
    """For each bound that moves with time, when it reaches the next value."""
    if isinstance(node, Attribute):
        field = view.catalogue.fields[node.field]
        column = view.column(field.table, field.column, field.person_column)
        if column is None or column.kind != "moment":
            yield terms.now + _SOON
            return
        asked, _ = positive(Asked(field.type, node.op, node.value))
        values = column.values if column.known is None else column.values[column.known]
        for bound in _finite(bounds_of(asked, column, terms, Zones((terms.zone,)))[0]):
            ahead = values[values >= bound]
            yield _reached(terms.now, bound, int(ahead.min())) if len(ahead) else None
        return
    for event, bounds in _moving_spans(node, view, terms):
        at = view.events(view.catalogue.events[event], ()).at
        for bound in _finite(bounds):
            spot = int(np.searchsorted(at, bound, "left"))
            yield _reached(terms.now, bound, int(at[spot])) if spot < len(at) else None


def _moving_spans(node: AnyNode, view: View, terms: Terms) -> Iterator[tuple[str, Bounds]]:
    if isinstance(node, Event):
        yield node.event, _if_moving(node.window, terms)
        asked, is_day = asked_of_measure(node, view)
        if asked is not None and _moves_of_value(asked, is_day).with_time:
            yield node.event, date_bounds(asked, False, terms.now, terms.zone, (1970, 1970))
    elif isinstance(node, Sequence):
        for step in node.steps:
            yield step.event, _if_moving(node.window, terms)
        if _waits(node):
            yield node.steps[0].event, (LOWEST, ticks(terms.now) - (_wait(node) or 0) + 1)


def _if_moving(window: Window | None, terms: Terms) -> Bounds:
    return window_bounds(window, terms.now, "UTC") if moves_of_window(window).with_time else ()


def _finite(bounds: Bounds) -> list[int]:
    return [bound for bound in bounds if LOWEST < bound < HIGHEST]


def _reached(now: datetime, bound: int, value: int) -> datetime:
    """When a bound that moves with time has passed a value that is not below it."""
    return now + timedelta(microseconds=value - bound + 1)
