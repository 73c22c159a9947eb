"""Why a person is in a segment or not: clause by clause, true or false, with what is known of the person.

Belongs here: asking the conditions for one person and the values behind them. Stays out: what conditions mean
(`compiler.py`), how they read (`words.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from dmat.errors import NotFoundError
from dmat.segments.catalogue import PEOPLE_TABLE, Catalogue, Field, Property
from dmat.segments.checking import check
from dmat.segments.compiler import Conditions, render
from dmat.segments.events import aggregate, event_rows, ranked
from dmat.segments.measures import measured
from dmat.segments.predicates import Setting
from dmat.segments.rules import InvalidRuleError, children_of, walk
from dmat.segments.scope import Scope, table
from dmat.segments.tree import All, AnyNode, AnyOf, Attribute, Event, Membership, Not, Rule, Sequence
from dmat.segments.words import clause, country_name, number_words
from dmat.warehouse import Workspace


@dataclass(frozen=True)
class Clause:
    """One node of a rule, as it is for one person.

    Attributes:
        path: its place in the rule, as `where.all[1]`.
        text: how it reads.
        is_true: whether it holds.
        value: what is known of the person, in words; empty for groups.
        children: the nodes inside.
    """

    path: str
    text: str
    is_true: bool
    value: str = ""
    children: tuple[Clause, ...] = ()


def explain(
    workspace: Workspace,
    rule: Rule,
    catalogue: Catalogue,
    person_id: int,
    now: datetime,
    zone: str = "UTC",
    segments: Mapping[str, Rule] | None = None,
    frozen: Collection[str] = (),
) -> Clause:
    """The rule as it is for one person; all conditions are asked of the same published version.

    Raises:
        InvalidRuleError: the rule does not fit the catalogue.
        NotFoundError: there is no such person.
    """
    rules = dict(segments or {})
    faults = check(rule, catalogue, rules)
    if faults:
        raise InvalidRuleError(faults)
    scope = Scope(Setting(catalogue, now, zone, "duckdb"), rule.time_zone == "person", int(person_id))
    question = _Question(scope, rules, frozen)
    cursor = workspace.cursor()
    answers: dict[str, tuple[bool, Any]] = {}
    for path, node in walk(rule):
        is_group = isinstance(node, All | AnyOf | Not)
        query = question.query(All(children=()) if is_group and path == "where" else node)
        if is_group and path != "where":
            continue
        row = cursor.execute(*query).fetchone()
        if row is None:
            raise NotFoundError(f"no person {person_id}")
        answers[path] = (bool(row[0]), row[1])
    return _Answer(catalogue, answers).clause("where", rule.where)


class _Question:
    """Asks of a leaf whether it holds for the person, and for the value behind it.

    One query for each: DuckDB plans dozens of subqueries in one query far slower than one by one.
    """

    def __init__(self, scope: Scope, segments: Mapping[str, Rule], frozen: Collection[str]) -> None:
        self.scope, self.segments, self.frozen = scope, segments, frozen

    def query(self, node: AnyNode) -> tuple[str, list[str]]:
        """The query and its parameters; it gives one row if the person exists."""
        setting = self.scope.setting
        setting.parameters.clear()
        conditions = Conditions(setting, self.segments, self.frozen)
        holds = exp.alias_(conditions.condition(node, self.scope), "holds")
        value = exp.alias_(self._value(node, self.scope) or exp.null(), "known_value")
        query = exp.select(holds, value).from_(table(PEOPLE_TABLE, "p")).where(self.scope.is_person("p"))
        compiled = render(conditions.with_members(query), setting)
        return compiled.sql, list(compiled.parameters)

    def _value(self, node: AnyNode, scope: Scope) -> exp.Expr | None:
        if isinstance(node, Attribute):
            field = scope.catalogue.fields[node.field]
            column = exp.column(field.column, "p" if field.table == PEOPLE_TABLE else "f", quoted=True)
            if field.table == PEOPLE_TABLE:
                return column
            rows = exp.select(column).from_(table(field.table, "f")).where(scope.is_person("f", field.person_column))
            return rows.limit(1).subquery()
        return self._event_value(node, scope) if isinstance(node, Event) else None

    def _event_value(self, node: Event, scope: Scope) -> exp.Expr:
        rows = event_rows(node.event, node.where, node.window, scope)
        if node.measure is None:
            return rows.query.select(exp.Max(this=rows.at)).subquery()
        if node.measure in ("first", "last") and node.property is not None:
            ends = ranked(node, rows).subquery("r")
            first = exp.select(exp.column("found_value", "r")).from_(ends).where(exp.column("place", "r").eq(1))
            return first.subquery()
        value = aggregate(node, rows)
        if node.measure == "avg" and node.property is not None:
            counted = rows.target(rows.event.properties[node.property], node.currency).value
            value = exp.Div(this=value, expression=exp.func("NULLIF", exp.Count(this=counted), exp.convert(0)))
        return rows.query.select(value).subquery()


class _Answer:
    def __init__(self, catalogue: Catalogue, answers: Mapping[str, tuple[bool, Any]]) -> None:
        self.catalogue, self.answers = catalogue, answers

    def clause(self, path: str, node: AnyNode) -> Clause:
        text = clause(node, self.catalogue)
        if isinstance(node, All | AnyOf | Not):
            children = tuple(self.clause(*child) for child in children_of(path, node))
            held = [child.is_true for child in children]
            is_true = not held[0] if isinstance(node, Not) else (all(held) if isinstance(node, All) else any(held))
            return Clause(path, text, is_true, "", children)
        is_true, found = self.answers[path]
        return Clause(path, text, is_true, self._known(node, found, is_true))

    def _known(self, node: AnyNode, found: Any, is_true: bool) -> str:
        if isinstance(node, Attribute):
            return known_words(self.catalogue.fields[node.field], found, self.catalogue)
        if isinstance(node, Event):
            if node.measure is None:
                return "never" if found is None else f"last on {_moment(found)}"
            target = measured(self.catalogue.events[node.event], node.measure, node.property)
            return known_words(target, found, self.catalogue) if target else ""
        if isinstance(node, Membership):
            return "is in it" if is_true else "is not in it"
        if isinstance(node, Sequence):
            return "happened" if is_true else "did not happen"
        return "is drawn" if is_true else "is not drawn"


def known_words(target: Field | Property, found: Any, catalogue: Catalogue) -> str:
    """A value of a person in words."""
    if found is None:
        return "never asked" if target.type == "consent" else "unknown"
    if isinstance(found, bool):
        words = ("granted", "not granted") if target.type == "consent" else ("yes", "no")
        return words[0] if found else words[1]
    if isinstance(found, datetime | date):
        return _moment(found)
    if isinstance(found, list):
        return ", ".join(str(item) for item in found) or "empty"
    if isinstance(found, int | float | Decimal):
        return _number(target, found)
    return country_name(str(found), catalogue) if target.type == "geography" else str(found)


def _number(target: Field | Property, found: int | float | Decimal) -> str:
    if target.type == "money":
        return f"{found / 100:,.2f}"
    number = int(found) if found == int(found) else float(found)
    return number_words(number) + (f" {target.unit}" if target.unit else "")


def _moment(found: date) -> str:
    day = f"{found.day} {found:%B %Y}"
    return f"{day}, {found:%H:%M} UTC" if isinstance(found, datetime) else day
