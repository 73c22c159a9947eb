"""Where a condition stands while a rule is compiled: whose time zone counts, and whether only one person is looked at.

Belongs here: tables and columns as expressions, and the small queries that every node is made of.
Stays out: which node is made of which (`compiler.py`, `events.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp

from dmat.segments.catalogue import PEOPLE_TABLE, PERSON_COLUMN, TIME_ZONE_COLUMN, Catalogue
from dmat.segments.predicates import Setting


@dataclass(frozen=True)
class Scope:
    """How the conditions of one rule are read."""

    setting: Setting
    is_personal_time: bool = False
    only_person: int | None = None

    @property
    def catalogue(self) -> Catalogue:
        """What can be asked."""
        return self.setting.catalogue

    def zone_of(self, alias: str) -> exp.Expr | None:
        """The column of the person's zone, if it counts."""
        is_needed = self.is_personal_time and self.catalogue.zones
        return exp.column(TIME_ZONE_COLUMN, alias, quoted=True) if is_needed else None

    def with_zone(self, query: exp.Select, person: exp.Expr) -> exp.Select:
        """The query with the person's row as `z`, if the person's zone counts."""
        if self.zone_of("z") is None:
            return query
        same = exp.column(PERSON_COLUMN, "z", quoted=True).eq(person.copy())
        return query.join(table(PEOPLE_TABLE, "z"), on=same, copy=False)

    def is_person(self, alias: str, column: str = PERSON_COLUMN) -> exp.Expr | None:
        """A condition that leaves only the person looked at; None when everybody is."""
        if self.only_person is None:
            return None
        return exp.column(column, alias, quoted=True).eq(exp.convert(self.only_person))


def table(name: str, alias: str) -> exp.Expr:
    """A table `schema.name` of the catalogue under an alias."""
    schema, _, own = name.rpartition(".")
    found = exp.Table(
        this=exp.to_identifier(own, quoted=True), db=exp.to_identifier(schema, quoted=True) if schema else None
    )
    return exp.alias_(found, alias, table=True)


def member_of(people: exp.Query) -> exp.Expr:
    """Whether the person `p` is among the people of a query that gives no null."""
    return exp.column(PERSON_COLUMN, "p", quoted=True).isin(query=people, copy=False)


@lru_cache(maxsize=500)
def _parsed(condition: str) -> exp.Expr:
    return sqlglot.parse_one(condition, dialect="duckdb")


def own_condition(condition: str, alias: str) -> exp.Expr:
    """A condition that the dbt project states over a table's own columns, on an alias of that table."""

    def placed(node: exp.Expr) -> exp.Expr:
        return exp.column(node.name, alias, quoted=True) if isinstance(node, exp.Column) else node

    return exp.paren(_parsed(condition).transform(placed))
