"""Sequences from event arrays: A, then B within a time of A, and no C between; or A and no C after it.

Belongs here: finding chains of events. Stays out: which events count (`event_conditions.py`). The same in SQL
(`events.py`) is the reference.

Of all chains that end with an event, the one that begins latest leaves the least room for what must not be there, so
it is enough to look at that one; its beginning is found by always going back to the nearest event of the step before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dmat.segments.bitmaps import Flags, Places
from dmat.segments.conditions import Terms
from dmat.segments.event_arrays import Events, Moments
from dmat.segments.event_conditions import Wanted, find_events
from dmat.segments.moments import exact_hours
from dmat.segments.rules import Sequence, Step
from dmat.segments.spans import ticks
from dmat.segments.view import View

_HOUR = 3_600_000_000


@dataclass(frozen=True)
class _Chain:
    """Events of one step that a chain leads to, with the moment at which the chain began."""

    people: Places
    at: Moments
    began: Moments


def sequence_flags(node: Sequence, view: View, terms: Terms) -> Flags | None:
    """Where a sequence is true; None when arrays cannot say (spans of months between steps)."""
    spans = [step.within for step in (*node.steps, *([node.without] if node.without else []))]
    if any(span is not None and exact_hours(span) is None for span in spans):
        return None
    steps = [_events(step, node, view, terms) for step in node.steps]
    without = None if node.without is None else find_events(Wanted(node.without.event, node.without.where), view, terms)
    if any(events is None for events in steps) or (node.without is not None and without is None):
        return None
    return _flags(node, [events for events in steps if events is not None], without, view.size, terms)


def _events(step: Step, node: Sequence, view: View, terms: Terms) -> Events | None:
    return find_events(Wanted(step.event, step.where, node.window), view, terms)


def _flags(node: Sequence, steps: list[Events], without: Events | None, size: int, terms: Terms) -> Flags:
    candidates = _in_all(steps, size)
    steps = [events.take(np.flatnonzero(candidates[events.people])) for events in steps]
    chain = _Chain(steps[0].people, steps[0].at, steps[0].at)
    for step, events in zip(node.steps[1:], steps[1:], strict=True):
        chain = _next(chain, events, _length(step))
    if without is not None:
        kept = without.take(np.flatnonzero(candidates[without.people]))
        chain = _uninterrupted(chain, kept, node, terms)
    flags = np.zeros(size, np.bool_)
    flags[chain.people] = True
    return flags


def _in_all(steps: list[Events], size: int) -> Flags:
    candidates = np.ones(size, np.bool_)
    for events in steps:
        found = np.zeros(size, np.bool_)
        found[events.people] = True
        candidates &= found
    return candidates


def _length(step: Step) -> int | None:
    hours = None if step.within is None else exact_hours(step.within)
    return None if hours is None else hours * _HOUR


def _next(chain: _Chain, events: Events, length: int | None) -> _Chain:
    before = _nearest_before(chain.people, chain.at, events.people, events.at)
    chosen = before >= 0
    if length is not None and len(chain.at):
        chosen &= events.at - chain.at[before] <= length
    spots = np.flatnonzero(chosen)
    return _Chain(events.people[spots], events.at[spots], chain.began[before[spots]])


def _uninterrupted(chain: _Chain, without: Events, node: Sequence, terms: Terms) -> _Chain:
    """The chains in which what must not be there is not."""
    if len(node.steps) > 1:
        last = _nearest_before(without.people, without.at, chain.people, chain.at)
        stands = (last < 0) | (_at(without, last) <= chain.began)
    else:
        length = None if node.without is None else _length(node.without)
        following = _nearest_after(without.people, without.at, chain.people, chain.at)
        stands = following < 0
        if length is not None:
            stands = (stands | (_at(without, following) > chain.at + length)) & (chain.at + length <= ticks(terms.now))
    spots = np.flatnonzero(stands)
    return _Chain(chain.people[spots], chain.at[spots], chain.began[spots])


def _at(events: Events, spots: npt.NDArray[np.int64]) -> Moments:
    return events.at[spots] if len(events) else np.zeros(len(spots), np.int64)


def _nearest_after(people: Places, at: Moments, of_people: Places, of_at: Moments) -> npt.NDArray[np.int64]:
    """For each event of the second kind, the position of the same person's earliest event of the first after it."""
    found = _nearest_before(people[::-1], -at[::-1], of_people, -of_at)
    return np.where(found < 0, found, len(at) - 1 - found)


def _nearest_before(people: Places, at: Moments, of_people: Places, of_at: Moments) -> npt.NDArray[np.int64]:
    """For each event of the second kind, the position of the same person's latest event of the first before it."""
    count = len(at)
    who = np.concatenate((people, of_people))
    is_first_kind = np.arange(len(who)) < count
    order = np.lexsort((is_first_kind, np.concatenate((at, of_at)), who))  # at the same moment the second kind is first
    spots = np.where(is_first_kind[order], np.arange(len(order)), -1)
    latest = np.maximum.accumulate(spots) if len(spots) else spots
    found = np.where(latest >= 0, order[latest], -1)
    found[(latest < 0) | (who[order[latest]] != who[order])] = -1
    answer = np.empty(len(who), np.int64)
    answer[order] = found
    return answer[count:]
