"""Conditions on what people did: which rows of an event count, measures of them, sequences.

Belongs here: the queries over event tables that `compiler.py` puts around a person. Stays out: operators
(`predicates.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlglot import exp

from dmat.segments.catalogue import EventType, Property
from dmat.segments.measures import ZERO_WITHOUT_EVENTS, measured
from dmat.segments.moments import day_start, exact_hours, months_of, next_day, shift
from dmat.segments.operators import find_operator
from dmat.segments.predicates import (
    Target,
    assert_known,
    by_zone,
    holds_for_zero,
    moment_literal,
    predicate,
    scaled,
    target_of,
)
from dmat.segments.scope import Scope, member_of, own_condition, table
from dmat.segments.tree import AgoWindow, DayWindow, Duration, Event, LastWindow, PropertyCondition, Sequence, Window


@dataclass(frozen=True)
class Rows:
    """The rows of an event that count, as a query without columns over the alias `e`."""

    event: EventType
    scope: Scope
    query: exp.Select

    def column(self, name: str) -> exp.Expr:
        """A column of the event table."""
        return exp.column(name, "e", quoted=True)

    @property
    def person(self) -> exp.Expr:
        """The column of the person."""
        return self.column(self.event.person_column)

    @property
    def at(self) -> exp.Expr:
        """The column of the time."""
        return self.column(self.event.at_column)

    def people(self) -> exp.Select:
        """The people of these rows."""
        return self.query.select(self.person)

    def target(self, found: Property, currency: str | None) -> Target:
        """A property of a row as something to be judged."""
        return target_of(found, "e", currency, self.scope.zone_of("z"), self.scope.setting)


def event_rows(key: str, where: Iterable[PropertyCondition], window: Window | None, scope: Scope) -> Rows:
    """The rows of an event for which all conditions hold, within the window."""
    event = scope.catalogue.events[key]
    rows = Rows(event, scope, exp.Select().from_(table(event.table, "e")))
    conditions = [
        rows.person.is_(exp.null()).not_(),
        rows.at.is_(exp.null()).not_(),
        *([own_condition(event.filter_sql, "e")] if event.filter_sql else []),
        *_window(rows, window),
    ]
    asked = tuple(where)
    for condition in asked:
        target = rows.target(event.properties[condition.property], condition.currency)
        conditions.append(exp.paren(predicate(target, condition.op, condition.value, scope.setting)))
    for found in event.properties.values():
        if found.default_op and found.key not in {condition.property for condition in asked}:
            conditions.append(exp.paren(predicate(rows.target(found, None), found.default_op, None, scope.setting)))
    query = scope.with_zone(rows.query, rows.person)
    return Rows(event, scope, query.where(*conditions, scope.is_person("e", event.person_column), copy=False))


def _window(rows: Rows, window: Window | None) -> list[exp.Expr]:
    now = rows.scope.setting.now
    if isinstance(window, LastWindow):
        return [rows.at > moment_literal(shift(now, window.last, -1)), rows.at <= moment_literal(now)]
    if isinstance(window, AgoWindow):
        first, last = (shift(now, ago, -1) for ago in window.between)
        return [rows.at > moment_literal(first), rows.at <= moment_literal(last)]
    if not isinstance(window, DayWindow):
        return []
    parts: list[exp.Expr] = []
    if window.from_day:
        parts.append(rows.at >= _day_start(rows, date.fromisoformat(window.from_day)))
    if window.to_day:
        parts.append(rows.at < _day_start(rows, next_day(date.fromisoformat(window.to_day))))
    return parts


def _day_start(rows: Rows, day: date) -> exp.Expr:
    def of_zone(zone: str) -> datetime:
        return day_start(day, zone)

    return by_zone(of_zone, rows.scope.zone_of("z"), rows.scope.setting)


# -- measures --------------------------------------------------------------------------------------------------------


def measure_members(node: Event, scope: Scope) -> exp.Expr:
    """Whether a person's measure of an event fulfils the operator."""
    event, op, measure = scope.catalogue.events[node.event], str(node.op), str(node.measure)
    target = measured(event, measure, node.property)
    operator = find_operator(target.type, op) if target else None
    if target is None or operator is None:
        raise ValueError("not checked before: a measure")
    positive = operator.is_negative_of or op
    holds_without_events = measure in ZERO_WITHOUT_EVENTS and holds_for_zero(positive, node.value)
    found = member_of(_people_where(node, target, positive, scope, holds_without_events))
    return found if holds_without_events == bool(operator.is_negative_of) else exp.not_(found, copy=False)


def _people_where(node: Event, target: Property, op: str, scope: Scope, is_reversed: bool) -> exp.Select:
    """The people with events for whose measure the operator holds (or does not)."""
    rows = event_rows(node.event, node.where, node.window, scope)
    if node.measure in ("first", "last") and node.property is not None:
        return _people_by_end(node, rows, op)
    value = aggregate(node, rows)
    holds = predicate(_judged(node, rows, target, value), op, node.value, scope.setting)
    if is_reversed:
        holds = exp.not_(exp.paren(holds))
    return rows.people().group_by(rows.person).having(holds)


def aggregate(node: Event, rows: Rows) -> exp.Expr:
    """The measure of a group of rows; of an average only the sum."""
    if node.measure == "count":
        return exp.Count(this=exp.Star())
    if node.property is None:
        return exp.Min(this=rows.at) if node.measure == "first" else exp.Max(this=rows.at)
    value = rows.target(rows.event.properties[node.property], node.currency).value
    if node.measure == "distinct":
        return exp.Count(this=exp.Distinct(expressions=[value]))
    if node.measure == "sum":
        return exp.Coalesce(this=exp.Sum(this=value), expressions=[exp.convert(0)])
    return {"avg": exp.Sum, "min": exp.Min, "max": exp.Max}[str(node.measure)](this=value)


def _judged(node: Event, rows: Rows, found: Property, value: exp.Expr) -> Target:
    zone = exp.Min(this=rows.scope.zone_of("z")) if rows.scope.zone_of("z") is not None else None
    target = Target(value, found.type, found.data_type, zone)
    if node.measure == "avg" and node.property is not None:
        counted = rows.target(rows.event.properties[node.property], node.currency).value
        return scaled(target, exp.Count(this=counted))
    return target


def ranked(node: Event, rows: Rows) -> exp.Select:
    """Each person's first or last known value of a property, as `person_id` and `found_value` where `place` is 1."""
    assert_known(node.property is not None, "property")
    found = rows.event.properties[str(node.property)]
    value = rows.target(found, node.currency).value
    by: exp.Expr = value.copy()
    if rows.scope.setting.dialect == "postgres" and found.data_type.lower() in ("varchar", "text"):
        by = exp.Collate(this=by, expression=exp.to_identifier("C", quoted=True))
    is_last = node.measure == "last"
    order = exp.Order(expressions=[exp.Ordered(this=part, desc=is_last, nulls_first=False) for part in (rows.at, by)])
    place = exp.Window(this=exp.RowNumber(), partition_by=[rows.person], order=order)
    columns = [exp.alias_(rows.person, "person_id"), exp.alias_(value, "found_value"), exp.alias_(place, "place")]
    zone = rows.scope.zone_of("z")
    if zone is not None:
        columns.append(exp.alias_(zone, "found_zone"))
    known = value.copy().is_(exp.null()).not_()
    return rows.query.select(*columns).where(known)


def _people_by_end(node: Event, rows: Rows, op: str) -> exp.Select:
    found = rows.event.properties[str(node.property)]
    zone = exp.column("found_zone", "r") if rows.scope.zone_of("z") is not None else None
    target = Target(exp.column("found_value", "r"), found.type, found.data_type, zone)
    query = exp.select(exp.column("person_id", "r")).from_(ranked(node, rows).subquery("r"))
    holds = predicate(target, op, node.value, rows.scope.setting)
    return query.where(exp.column("place", "r").eq(1), holds)


# -- sequences -------------------------------------------------------------------------------------------------------


def sequence_members(node: Sequence, scope: Scope) -> exp.Select:
    """The people with an occurrence of each step, one after the other."""
    query = exp.select(exp.column("person_id", "s0")).from_(_step(node, 0, scope))
    for number, step in enumerate(node.steps[1:], 1):
        here, before = exp.column("happened_at", f"s{number}"), exp.column("happened_at", f"s{number - 1}")
        conditions = [_same_person(f"s{number}"), here > before]
        if step.within is not None:
            conditions.append(here <= later(before, step.within))
        query = query.join(_step(node, number, scope), on=exp.and_(*conditions, copy=False), copy=False)
    if node.without is not None:
        query = query.where(*_without(node, scope), copy=False)
    return query


def _step(node: Sequence, number: int, scope: Scope) -> exp.Expr:
    step = node.steps[number]
    return _occurrences(event_rows(step.event, step.where, node.window, scope), f"s{number}")


def _occurrences(rows: Rows, alias: str) -> exp.Expr:
    columns = [exp.alias_(rows.person, "person_id"), exp.alias_(rows.at, "happened_at")]
    return rows.query.select(*columns).subquery(alias)


def _same_person(alias: str) -> exp.Expr:
    return exp.column("person_id", alias).eq(exp.column("person_id", "s0"))


def _without(node: Sequence, scope: Scope) -> list[exp.Expr]:
    assert_known(node.without is not None, "without")
    without = node.without
    first, last = exp.column("happened_at", "s0"), exp.column("happened_at", f"s{len(node.steps) - 1}")
    between = exp.column("happened_at", "w")
    conditions = [_same_person("w"), between > first]
    is_over: list[exp.Expr] = []
    if len(node.steps) > 1:
        conditions.append(between < last)
    elif without is not None and without.within is not None:
        conditions.append(between <= later(first, without.within))
        is_over = [later(first, without.within) <= moment_literal(scope.setting.now)]
    if without is None:
        return []
    rows = _occurrences(event_rows(without.event, without.where, None, scope), "w")
    found = exp.select("1").from_(rows).where(*conditions, copy=False)
    return [*is_over, exp.not_(exp.Exists(this=found), copy=False)]


def later(moment: exp.Expr, duration: Duration) -> exp.Expr:
    """A moment in the data plus a span."""
    hours = exact_hours(duration)
    amount, unit = (hours, "HOUR") if hours is not None else (months_of(duration), "MONTH")
    interval = exp.Interval(this=exp.Literal.string(str(amount)), unit=exp.var(unit))
    return exp.Add(this=moment.copy(), expression=interval)
