"""Tests of a segment: people who must be in and people who must be out, looked at by the real compiler.

Belongs here: a tiny world in memory, made from the catalogue and from rows that a file gives, and asking it. Stays out:
the files (`as_code.py`).

    tests:
      now: 2026-06-01 12:00:00
      people_in:
        - name: spent enough last week
          fields: {country_code: DE}
          events: [{event: ordered, at: 7 days ago, net: 600}]
      people_out:
        - name: has never bought anything

A field or property that is not given is unknown (an operator that the catalogue adds by itself, such as "not by a
machine", holds). Money is in whole units, as in rules. A moment is `7 days ago`, `3 days ahead`, or a date with or
without time (UTC).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import duckdb

from dmat.errors import InvalidInputError
from dmat.segments.catalogue import PEOPLE_TABLE, PERSON_COLUMN, TIME_ZONE_COLUMN, Catalogue, EventType, Field, Property
from dmat.segments.compiler import compile_rule
from dmat.segments.moments import shift
from dmat.segments.rules import Duration, Rule

DEFAULT_NOW = datetime(2026, 6, 1, 12)
_RELATIVE = re.compile(r"([1-9]\d{0,3}) (hour|day|week|month|year)s? (ago|ahead)")
_PERSON_KEYS = ("name", "fields", "events")


@dataclass(frozen=True)
class Outcome:
    """One person of a test: whether they are where they should be."""

    name: str
    is_wanted: bool
    is_in: bool

    @property
    def holds(self) -> bool:
        """Whether the rule says what the test says."""
        return self.is_wanted == self.is_in


def run_tests(
    tests: Mapping[str, Any], rule: Rule, catalogue: Catalogue, rules: Mapping[str, Rule], zone: str = "UTC"
) -> list[Outcome]:
    """Ask the rule about the people of its tests.

    Args:
        tests: what stands under `tests` in the file of a segment.
        rule: the segment's rule.
        catalogue: what can be asked.
        rules: the rules of the other segments.
        zone: the workspace's time zone.

    Raises:
        InvalidInputError: a test names what does not exist, or a value does not fit; the field is the path in the tree.
    """
    _refuse_unknown("tests", tests, ("now", "people_in", "people_out"))
    now = _moment("tests.now", tests.get("now", DEFAULT_NOW), DEFAULT_NOW)
    people = [
        (f"tests.{group}[{number}]", person, group == "people_in")
        for group in ("people_in", "people_out")
        for number, person in enumerate(_list(f"tests.{group}", tests.get(group)))
    ]
    world = _World(catalogue, now)
    for number, (path, person, _) in enumerate(people, start=1):
        world.add(number, path, person)
    found = world.ask(rule, rules, zone)
    return [
        Outcome(str(person.get("name") or path), is_wanted, number in found)
        for number, (path, person, is_wanted) in enumerate(people, start=1)
    ]


class _World:
    """Tables in memory with the columns that the catalogue names, one table an event."""

    def __init__(self, catalogue: Catalogue, now: datetime) -> None:
        self.now, self.zones = now, set[str]()
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        events = {
            key: replace(event, table=f"fixture.event_{number}", filter_sql="")
            for number, (key, event) in enumerate(catalogue.events.items())
        }
        self.catalogue = replace(catalogue, events=events)
        self._create(catalogue.fields.values(), events.values())

    def _create(self, fields: Iterable[Field], events: Iterable[EventType]) -> None:
        tables: dict[str, dict[str, str]] = {PEOPLE_TABLE: {PERSON_COLUMN: "bigint", TIME_ZONE_COLUMN: "varchar"}}
        for field in fields:
            columns = tables.setdefault(field.table, {})
            columns[field.person_column] = "bigint"
            columns[field.column] = field.data_type or "varchar"
            if field.currency_column:
                columns.setdefault(field.currency_column, "varchar")
        for event in events:
            columns = tables[event.table] = {event.person_column: "bigint", event.at_column: "timestamp"}
            for found in event.properties.values():
                columns[found.column] = found.data_type or "varchar"
                if found.currency_column:
                    columns.setdefault(found.currency_column, "varchar")
        for table, columns in tables.items():
            self.connection.execute(f"create schema if not exists {_quoted(table.split('.')[0])}")
            described = ", ".join(f"{_quoted(name)} {type_}" for name, type_ in columns.items())
            self.connection.execute(f"create table {_quoted_table(table)} ({described})")

    def add(self, number: int, path: str, person: Any) -> None:
        """Put one person of a test into the world."""
        if not isinstance(person, Mapping):
            raise InvalidInputError(path, "this is not a person", f"an object with {', '.join(_PERSON_KEYS)}")
        _refuse_unknown(path, person, _PERSON_KEYS)
        rows: dict[str, dict[str, Any]] = {PEOPLE_TABLE: {PERSON_COLUMN: number}}
        for key, value in dict(person.get("fields") or {}).items():
            place = f"{path}.fields.{key}"
            field = self.catalogue.fields.get(key)
            if field is None:
                raise InvalidInputError(place, f"there is no field {key!r}", "a field of the catalogue")
            row = rows.setdefault(field.table, {field.person_column: number})
            row[field.column] = self._value(place, field, value)
        self.zones |= {str(zone) for zone in (rows[PEOPLE_TABLE].get(TIME_ZONE_COLUMN),) if zone}
        for table, row in rows.items():
            self._insert(table, row, path)
        for index, event in enumerate(_list(f"{path}.events", person.get("events"))):
            self._add_event(number, f"{path}.events[{index}]", event)

    def _add_event(self, number: int, path: str, given: Any) -> None:
        event = self.catalogue.events.get(str(given.get("event"))) if isinstance(given, Mapping) else None
        if event is None:
            raise InvalidInputError(f"{path}.event", "there is no such event", ", ".join(self.catalogue.events))
        row: dict[str, Any] = {
            event.person_column: number,
            event.at_column: _moment(f"{path}.at", given.get("at", self.now), self.now),
        }
        for found in event.properties.values():
            if found.default_op in ("is_false", "is_true"):
                row[found.column] = found.default_op == "is_true"
        for key, value in given.items():
            if key in ("event", "at"):
                continue
            if key not in event.properties:
                allowed = ", ".join(("at", *event.properties))
                raise InvalidInputError(f"{path}.{key}", f"{event.key} has no property {key!r}", allowed)
            found = event.properties[key]
            row[found.column] = self._value(f"{path}.{key}", found, value)
        self._insert(event.table, row, path)

    def _value(self, path: str, target: Field | Property, value: Any) -> Any:
        if value is None:
            return None
        if target.type == "money":
            return _cents(path, value)
        if target.type == "date":
            moment = _moment(path, value, self.now)
            return moment.date() if target.is_calendar_day else moment
        return value

    def _insert(self, table: str, row: Mapping[str, Any], path: str) -> None:
        names, marks = ", ".join(map(_quoted, row)), ", ".join("?" for _ in row)
        try:
            self.connection.execute(
                f"insert into {_quoted_table(table)} ({names}) values ({marks})", list(row.values())
            )
        except duckdb.Error as error:
            raise InvalidInputError(path, f"a value does not fit: {str(error)[:200]}", "values of the type") from None

    def ask(self, rule: Rule, rules: Mapping[str, Rule], zone: str) -> set[int]:
        """Numbers of the people whom the rule finds."""
        catalogue = replace(self.catalogue, zones=tuple(sorted(self.zones)))
        compiled = compile_rule(rule, catalogue, self.now, zone, segments=rules)
        return {int(row[0]) for row in self.connection.execute(compiled.sql, list(compiled.parameters)).fetchall()}


def _refuse_unknown(path: str, given: Any, known: Sequence[str]) -> None:
    if not isinstance(given, Mapping):
        raise InvalidInputError(path, "this is not an object", f"an object with {', '.join(known)}")
    for key in given:
        if key not in known:
            raise InvalidInputError(f"{path}.{key}", "is not known here", ", ".join(known))


def _list(path: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInputError(path, "this is not a list", "a list")
    return value


def _moment(path: str, value: Any, now: datetime) -> datetime:
    """`7 days ago`, a date, or a date with time -> UTC without zone."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime.combine(value, time())
    relative = _RELATIVE.fullmatch(str(value).strip())
    if relative:
        span = Duration.model_validate({"amount": int(relative[1]), "unit": f"{relative[2]}s"})
        return shift(now, span, -1 if relative[3] == "ago" else 1)
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        allowed = "7 days ago, 3 hours ahead, 2026-01-31, 2026-01-31 12:00:00"
        raise InvalidInputError(path, f"{value!r} is no moment", allowed) from None


def _cents(path: str, value: Any) -> int:
    try:
        cents = Decimal(str(value)) * 100
    except InvalidOperation:
        cents = Decimal("NaN")
    if not cents.is_finite() or cents != cents.to_integral_value():
        raise InvalidInputError(path, f"{value!r} is no amount of money", "a number with at most two decimals")
    return int(cents)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted_table(name: str) -> str:
    return ".".join(map(_quoted, name.split(".")))
