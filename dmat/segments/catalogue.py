"""What can be asked about people: fields, events with their properties, and regions, as the dbt project declares them.

Belongs here: the shapes, reading them from the published warehouse, example values and freshness on demand.
Stays out: declaring them (`config.meta.segment` and `config.meta.segment_events` in `dbt/models/marts/**.yml`); a new
column there appears here without a change of code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from dmat.errors import NotFoundError, NotPublishedError
from dmat.segments.operators import OPERATORS as OPERATORS
from dmat.warehouse import Workspace

PEOPLE_TABLE = "people.dim_people"
PERSON_COLUMN = "person_id"
TIME_ZONE_COLUMN = "time_zone"
CATALOGUE_TABLE = "segments.segment_catalogue"
REGIONS_TABLE = "seeds.regions"
COUNTRIES_TABLE = "seeds.country_defaults"


@dataclass(frozen=True)
class Field:
    """A column of a table with one row a person; `channel` is what a consent is for."""

    key: str
    label: str
    type: str
    group: str
    table: str
    column: str
    person_column: str = PERSON_COLUMN
    data_type: str = ""
    description: str = ""
    unit: str = ""
    currency_column: str = ""
    channel: str = ""
    is_personal: bool = False

    @property
    def is_calendar_day(self) -> bool:
        """Whether the column holds days rather than moments."""
        return self.data_type.lower() == "date"


@dataclass(frozen=True)
class Property:
    """A column of an event table that conditions on the event may use.

    `default_op` is an operator without value that holds unless a condition names the property: opens by machines
    count only when asked for.
    """

    key: str
    label: str
    type: str
    column: str
    data_type: str = ""
    description: str = ""
    unit: str = ""
    currency_column: str = ""
    default_op: str = ""
    is_personal: bool = False

    @property
    def is_calendar_day(self) -> bool:
        """Whether the column holds days rather than moments."""
        return self.data_type.lower() == "date"


@dataclass(frozen=True)
class EventType:
    """Something people do: the rows of `table` for which `filter_sql` holds, each at `at_column`."""

    key: str
    label: str
    group: str
    table: str
    at_column: str
    person_column: str = PERSON_COLUMN
    filter_sql: str = ""
    description: str = ""
    properties: Mapping[str, Property] = field(default_factory=dict)


@dataclass(frozen=True)
class Region:
    """A named set of countries."""

    key: str
    label: str
    countries: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """Everything that can be asked, of one published version.

    `zones` are the time zones of people; a person in another one (or in none) has the workspace's. `countries` are
    names by code, to be read by people; without them codes are shown.
    """

    fields: Mapping[str, Field]
    events: Mapping[str, EventType]
    version: int = 0
    regions: Mapping[str, Region] = field(default_factory=dict)
    zones: tuple[str, ...] = ()
    countries: Mapping[str, str] = field(default_factory=dict)

    def groups(self) -> dict[str, list[Field | EventType]]:
        """Fields and events by group, each in the order of the project."""
        found: dict[str, list[Field | EventType]] = {}
        entries: list[Field | EventType] = [*self.fields.values(), *self.events.values()]
        for entry in entries:
            found.setdefault(entry.group, []).append(entry)
        return found


@dataclass(frozen=True)
class ExampleValue:
    """A value that occurs, and with how many people or events."""

    value: str
    count: int


@dataclass(frozen=True)
class Freshness:
    """Up to when the data reach; `newest_at` is the newest event, None for fields and empty tables."""

    data_as_of: datetime
    newest_at: datetime | None = None


def read_catalogue(workspace: Workspace) -> Catalogue:
    """The catalogue of the newest published version.

    Raises:
        NotPublishedError: nothing has been published yet, or nothing since segments came.
    """
    version = workspace.version.number
    try:
        rows = workspace.rows(f"select * from {CATALOGUE_TABLE} order by position")
    except duckdb.CatalogException:
        raise NotPublishedError("the published version has no catalogue of segments; run `dmat refresh`") from None
    return Catalogue(
        fields={row["key"]: _field(row) for row in rows if row["kind"] == "field"},
        events=_events(rows),
        version=version,
        regions=_regions(workspace.rows(f"select * from {REGIONS_TABLE} order by position, region, country_code")),
        zones=_zones(workspace.rows(f"select distinct {TIME_ZONE_COLUMN} as zone from {PEOPLE_TABLE}")),
        countries=_countries(workspace),
    )


def _field(row: Mapping[str, Any]) -> Field:
    return Field(
        key=row["key"],
        group=row["group_name"],
        table=row["table_name"],
        person_column=row["person_column"],
        channel=row["channel"],
        **_described(row),
    )


def _described(row: Mapping[str, Any]) -> dict[str, Any]:
    """What fields and properties have in common."""
    names = ("label", "type", "description", "unit", "currency_column", "data_type", "is_personal")
    return {"column": row["column_name"], **{name: row[name] for name in names}}


def _events(rows: Iterable[Mapping[str, Any]]) -> dict[str, EventType]:
    events: dict[str, EventType] = {}
    for row in rows:
        if row["kind"] == "event":
            events[row["key"]] = EventType(
                key=row["key"],
                label=row["label"],
                group=row["group_name"],
                table=row["table_name"],
                at_column=row["at_column"],
                person_column=row["person_column"],
                filter_sql=row["filter_sql"],
                description=row["description"],
            )
        elif row["kind"] == "property":
            event = events[row["event_key"]]
            found = Property(key=row["key"], default_op=row["default_op"], **_described(row))
            events[event.key] = replace(event, properties={**event.properties, found.key: found})
    return events


def _regions(rows: Iterable[Mapping[str, Any]]) -> dict[str, Region]:
    regions: dict[str, Region] = {}
    for row in rows:
        known = regions.get(row["region"], Region(row["region"], row["region_name"], ()))
        regions[row["region"]] = replace(known, countries=(*known.countries, row["country_code"]))
    return regions


def _countries(workspace: Workspace) -> dict[str, str]:
    try:
        rows = workspace.rows(f"select country_code, country_name from {COUNTRIES_TABLE} order by country_code")
    except duckdb.CatalogException:  # published by a project without names
        return {}
    return {row["country_code"]: row["country_name"] for row in rows}


def _zones(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(row["zone"] for row in rows if row["zone"] and is_time_zone(row["zone"])))


def is_time_zone(name: str) -> bool:
    """Whether `name` is a time zone that this machine knows."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True


def example_values(
    workspace: Workspace, catalogue: Catalogue, key: str, event: str = "", limit: int = 20, containing: str = ""
) -> list[ExampleValue]:
    """Values that occur most often, with how many people (of a field) or events (of a property) have them.

    Args:
        workspace: where to look.
        catalogue: what is known.
        key: a field, or a property of `event`.
        event: an event; empty for fields.
        limit: how many values at most.
        containing: only values that contain this text.

    Raises:
        NotFoundError: no such field, event or property.
    """
    table, column, filter_sql, type_ = _place(catalogue, key, event)
    # identifiers and the filter come from the catalogue alone; what the user typed is bound
    value = f"unnest({_quoted(column)})" if type_ == "list" else _quoted(column)
    rows = workspace.rows(
        f"select value, count(*) as found from (select cast({value} as varchar) as value from {_quoted_table(table)}"
        f" where {_quoted(column)} is not null and ({filter_sql or 'true'})) where contains(lower(value), lower(?))"
        " group by 1 order by 2 desc, 1 limit ?",
        [containing, limit],
    )
    return [ExampleValue(row["value"], int(row["found"])) for row in rows]


def freshness(workspace: Workspace, catalogue: Catalogue, key: str) -> Freshness:
    """Up to when the data of a field or an event reach.

    Raises:
        NotFoundError: no such field or event.
    """
    version = workspace.version
    event = catalogue.events.get(key)
    if event is None:
        if key not in catalogue.fields:
            raise NotFoundError(f"no field or event {key!r}")
        return Freshness(version.data_as_of)
    newest = workspace.rows(
        f"select max({_quoted(event.at_column)}) as newest from {_quoted_table(event.table)}"
        f" where {event.filter_sql or 'true'}"
    )[0]["newest"]
    return Freshness(version.data_as_of, newest)


def _place(catalogue: Catalogue, key: str, event_key: str) -> tuple[str, str, str, str]:
    if not event_key:
        found = catalogue.fields.get(key)
        if found is None:
            raise NotFoundError(f"no field {key!r}")
        return found.table, found.column, "", found.type
    event = catalogue.events.get(event_key)
    if event is None or key not in event.properties:
        raise NotFoundError(f"no event {event_key!r} with a property {key!r}")
    found_property = event.properties[key]
    return event.table, found_property.column, event.filter_sql, found_property.type


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted_table(name: str) -> str:
    return ".".join(_quoted(part) for part in name.split("."))
