"""At which moment each of some people entered or left a segment by time alone.

Belongs here: the moments at which conditions can turn for a person, and which of them turned the rule. Stays out: who
moved (`passes.py`, `membership.py`), when the next one may (`flips.py`).

Time moves a condition for a person only when a bound that moves with it passes one of the person's values, or at a
midnight. These moments are few for each person: with one of them that is the answer, with several the rule is asked at
each. What cannot be said so is not a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from dmat.segments.bitmaps import Bits, Flags, Places
from dmat.segments.comparisons import Asked, positive
from dmat.segments.conditions import Terms
from dmat.segments.flips import asked_of_measure, moves, moves_of_where, zone_names
from dmat.segments.leaves import Asking, flags_of
from dmat.segments.moments import day_start, exact_hours, local_day, next_day, shift
from dmat.segments.rules import All, Attribute, Duration, Event, Membership, Not, Rule, Sequence, children_of
from dmat.segments.spans import Moves, moment_of, ticks
from dmat.segments.together import KnownRules, named_segments
from dmat.segments.tree import AgoWindow, AnyNode, LastWindow, Window
from dmat.segments.view import Some, View

Ticks = npt.NDArray[np.int64]
Turns = tuple[Places, Ticks]
NOT_A_TIME = np.iinfo(np.int64).min
_MOST_ASKED = 2_000
_HOUR, _DAY = 3_600_000_000, 86_400_000_000


class Few:
    """A rule asked of a few people, at any moment.

    Args:
        some: the people; of all that follows, their number among these counts.
        rules: the rules of the segments that may be named.
        frozen: the people of those that keep whom they have.
        known: the conditions of rules.
    """

    def __init__(self, some: Some, rules: Mapping[str, Rule], frozen: Mapping[str, Bits], known: KnownRules) -> None:
        self.some, self.rules, self.frozen, self.known = some, rules, frozen, known

    def flags(self, rule: Rule, terms: Terms, chosen: Places | None = None) -> Flags | None:
        """For whom of them, or of the chosen ones, a rule is true; None when arrays cannot say."""
        view: Some = self.some if chosen is None else self.some.of(chosen)
        places = self.some.places if chosen is None else self.some.places[chosen]
        return self._of_rule(rule, view, places, terms)

    def askings(self, rule: Rule) -> list[Asking]:
        """The conditions of a rule, and those of the segments that it leads to."""
        named = [self.rules[key] for key in named_segments([rule], self.rules) if key not in self.frozen]
        return [each for one in (rule, *named) for each in self.known.askings_of(one).values()]

    def _of_rule(self, rule: Rule, view: Some, places: Places, terms: Terms) -> Flags | None:
        askings = self.known.askings_of(rule)

        def answer(path: str, node: AnyNode) -> Flags | None:
            if path in askings:
                each = askings[path]
                return flags_of(each, view, places, replace(terms, by_person=each.by_person))
            if isinstance(node, Membership):
                if node.segment in self.frozen:
                    return self.frozen[node.segment].has(places)
                return self._of_rule(self.rules[node.segment], view, places, terms)
            parts = [answer(own, child) for own, child in children_of(path, node)]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                return None
            if isinstance(node, Not):
                return ~known[0]
            whole = np.full(len(places), isinstance(node, All), np.bool_)
            for part in known:
                whole = whole & part if isinstance(node, All) else whole | part
            return whole

        return answer("where", rule.where)


def turned(rule: Rule, few: Few, since: datetime, terms: Terms) -> Ticks:
    """When the rule turned last for each of a few people, after `since` and not after the moment of the terms.

    Args:
        rule: the rule.
        few: people for whom it now says something else than at `since`, with the same data.
        since: the moment of the look before.
        terms: those of now.
    """
    found = np.full(few.some.size, NOT_A_TIME, np.int64)
    parts: list[Turns] = []
    for each in few.askings(rule):
        turns = _turns(each, few.some, since, replace(terms, by_person=each.by_person))
        if turns is None:
            return found
        parts += turns
    people = np.concatenate([np.empty(0, np.int32), *(part[0] for part in parts)])
    times = np.concatenate([np.empty(0, np.int64), *(part[1] for part in parts)])
    inside = (times > ticks(since)) & (times <= ticks(terms.now))
    pairs = np.unique(np.stack((people[inside].astype(np.int64), times[inside])), axis=1)
    people, times = pairs[0].astype(np.int32), pairs[1]
    is_alone = np.bincount(people, minlength=few.some.size)[people] == 1
    found[people[is_alone]] = times[is_alone]
    _ask_at_each(rule, found, (people[~is_alone], times[~is_alone]), few, terms)
    return found


def _ask_at_each(rule: Rule, found: Ticks, turns: Turns, few: Few, terms: Terms) -> None:
    """Of several moments: the one behind the last at which the answer was not yet that of now."""
    people, times = turns  # by person, then by time
    moments = np.unique(times)
    now = few.flags(rule, terms) if 0 < len(moments) <= _MOST_ASKED else None
    if now is None:
        return
    is_final = np.zeros(len(times), np.bool_)
    order = np.argsort(times, kind="stable")
    for spots in np.split(order, np.flatnonzero(np.diff(times[order])) + 1):
        at = replace(terms, now=moment_of(int(times[spots[0]])))
        flags = few.flags(rule, at, people[spots])
        if flags is None:
            return
        is_final[spots] = flags == now[people[spots]]
    is_open = np.ones(few.some.size, np.bool_)
    for spot in range(len(times) - 1, -1, -1):
        person = people[spot]
        is_open[person] &= is_final[spot]
        if is_open[person]:
            found[person] = times[spot]


def _turns(each: Asking, view: View, since: datetime, terms: Terms) -> list[Turns] | None:
    """The moments at which a condition can turn, by person; None when they cannot be said."""
    node = each.node
    how = moves(node, view)
    found = [_everybody_at(moment, view) for moment in _midnights(view, since, terms)] if how.at_midnight else []
    if not how.with_time:
        return found
    if isinstance(node, Attribute):
        own = _turns_of_value(node, view)
    elif isinstance(node, Event):
        own = _turns_of_event(node, view)
    elif isinstance(node, Sequence):
        own = _turns_of_sequence(node, view)
    else:
        own = None
    return None if own is None else found + own


def _everybody_at(moment: int, view: View) -> Turns:
    return np.arange(view.size, dtype=np.int32), np.full(view.size, moment, np.int64)


def _midnights(view: View, since: datetime, terms: Terms) -> Iterator[int]:
    for zone in dict.fromkeys(("UTC", *zone_names(view, terms))):
        day = next_day(local_day(since, zone))
        while (start := day_start(day, zone)) <= terms.now:
            yield ticks(start)
            day = next_day(day)


def _turns_of_value(node: Attribute, view: View) -> list[Turns] | None:
    field = view.catalogue.fields[node.field]
    column = view.column(field.table, field.column, field.person_column)
    asked, _ = positive(Asked(field.type, node.op, node.value))
    if column is None or column.kind != "moment":
        return None
    people = np.flatnonzero(column.is_known()).astype(np.int32)
    return _around(people, column.values[people], asked)


def _turns_of_event(node: Event, view: View) -> list[Turns] | None:
    if any(part != Moves() for part in moves_of_where(node.event, node.where, view)):
        return None
    events = view.events(view.catalogue.events[node.event], ())
    found = _turns_of_window(events.people, events.at, node.window)
    asked, _ = asked_of_measure(node, view)
    if asked is None or not isinstance(asked.value, Duration):
        return found
    return None if node.property is not None else found + _around(events.people, events.at, asked)


def _turns_of_sequence(node: Sequence, view: View) -> list[Turns] | None:
    steps = (*node.steps, *([node.without] if node.without else []))
    if any(part != Moves() for step in steps for part in moves_of_where(step.event, step.where, view)):
        return None
    found: list[Turns] = []
    for step in steps:
        events = view.events(view.catalogue.events[step.event], ())
        found += _turns_of_window(events.people, events.at, node.window)
    if len(node.steps) == 1 and node.without is not None and node.without.within is not None:
        first = view.events(view.catalogue.events[node.steps[0].event], ())
        found += _shifted(first.people, first.at, node.without.within, 1)
    return found


def _around(people: Places, values: Ticks, asked: Asked) -> list[Turns]:
    """A value is passed by now, and by the other end of the span."""
    direction = -1 if asked.op == "within_next" else 1
    return [(people, values), *_shifted(people, values, asked.value, direction)]


def _turns_of_window(people: Places, at: Ticks, window: Window | None) -> list[Turns]:
    if isinstance(window, LastWindow):
        return [(people, at), *_shifted(people, at, window.last, 1)]
    if isinstance(window, AgoWindow):
        return [turns for span in window.between for turns in _shifted(people, at, span, 1)]
    return []


def _shifted(people: Places, values: Ticks, span: Duration, direction: int) -> list[Turns]:
    """Values moved by a span. Of months also the days behind: a shorter month's last day stands for several."""
    hours = exact_hours(span)
    if hours is not None:
        return [(people, values + direction * hours * _HOUR)]
    moved = np.array([ticks(shift(moment_of(int(value)), span, direction)) for value in values], np.int64)
    return [(people, moved + day * _DAY) for day in range(-3, 4)]
