"""From a rule to SQL: one SELECT of person ids, for DuckDB, PostgreSQL or Spark from the same tree.

Belongs here: which rows answer a node. Stays out: what an operator means (`predicates.py`), checking (`checking.py`).

Texts are bound parameters in the order of their places in the SQL (`?`, for PostgreSQL `%s`), so that the query can
stand inside another one. Identifiers come from the catalogue alone. What a membership leads to is a common table
expression, written once however often it is named.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlglot import exp

from dmat.segments.catalogue import PEOPLE_TABLE, PERSON_COLUMN, Catalogue
from dmat.segments.checking import check
from dmat.segments.events import event_rows, measure_members, sequence_members
from dmat.segments.operators import find_operator
from dmat.segments.predicates import Setting, predicate, target_of
from dmat.segments.rules import Fault, InvalidRuleError
from dmat.segments.scope import Scope, member_of, table
from dmat.segments.tree import All, AnyNode, AnyOf, Attribute, Event, Membership, Not, Rule, Sample, Sequence

DIALECTS = ("duckdb", "postgres", "spark")
MEMBERSHIPS_TABLE = "segments.segment_memberships"
_PLACEHOLDERS = {
    "duckdb": re.compile(r"\$dmat_(\d+)_"),
    "postgres": re.compile(r"%\(dmat_(\d+)_\)s"),
    "spark": re.compile(r":dmat_(\d+)_"),
}


@dataclass(frozen=True)
class Compiled:
    """A query and what is bound to its placeholders, in their order."""

    sql: str
    parameters: tuple[str, ...]
    dialect: str
    readable: str = ""

    def __iter__(self) -> Iterable[object]:
        """So that `connection.execute(*compiled)` works."""
        return iter((self.sql, list(self.parameters)))


def compile_rule(
    rule: Rule,
    catalogue: Catalogue,
    now: datetime,
    zone: str = "UTC",
    dialect: str = "duckdb",
    segments: Mapping[str, Rule] | None = None,
    frozen: Collection[str] = (),
) -> Compiled:
    """The query that gives `person_id` of everybody for whom the rule is true, each once, in no order.

    Args:
        rule: the rule.
        catalogue: what can be asked; all identifiers come from it.
        now: the present (UTC, without zone).
        zone: the workspace's time zone.
        dialect: duckdb, postgres or spark.
        segments: the rules of the segments that memberships name.
        frozen: keys of segments whose people are those kept in `segments.segment_memberships`, not those of a rule.

    Raises:
        InvalidRuleError: the rule does not fit the catalogue.
    """
    rules = {**(segments or {})}
    faults = check(rule, catalogue, rules)
    if dialect not in DIALECTS:
        faults = [Fault("dialect", f"no dialect {dialect!r}", ", ".join(DIALECTS))]
    if faults:
        raise InvalidRuleError(faults)
    return _Compiler(Setting(catalogue, now, zone, dialect), rules, frozenset(frozen)).compile(rule)


class Conditions:
    """Turns nodes into conditions on one person of `people.dim_people`, seen as `p`."""

    def __init__(self, setting: Setting, segments: Mapping[str, Rule], frozen: Collection[str] = ()) -> None:
        self.setting, self.segments, self.frozen = setting, segments, frozen
        self.members: dict[str, tuple[str, exp.Expr]] = {}

    def condition(self, node: AnyNode, scope: Scope) -> exp.Expr:
        """True or false for each person, never unknown."""
        if isinstance(node, All):
            parts = [self.condition(child, scope) for child in node.children]
            return exp.and_(*parts, copy=False) if parts else exp.true()
        if isinstance(node, AnyOf):
            parts = [self.condition(child, scope) for child in node.children]
            return exp.or_(*parts, copy=False) if parts else exp.false()
        if isinstance(node, Not):
            return exp.not_(exp.paren(self.condition(node.child, scope), copy=False), copy=False)
        return self._leaf(node, scope)

    def _leaf(self, node: Attribute | Event | Sequence | Membership | Sample, scope: Scope) -> exp.Expr:
        if isinstance(node, Attribute):
            return self._attribute(node, scope)
        if isinstance(node, Membership):
            return self._membership(node, scope)
        if isinstance(node, Sample):
            return self._sample(node)
        if isinstance(node, Sequence):
            return member_of(sequence_members(node, scope))
        if node.measure is not None:
            return measure_members(node, scope)
        rows = event_rows(node.event, node.where, node.window, scope)
        found = member_of(rows.people())
        return found if node.did else exp.not_(found, copy=False)

    def _attribute(self, node: Attribute, scope: Scope) -> exp.Expr:
        field = scope.catalogue.fields[node.field]
        if field.table == PEOPLE_TABLE:
            target = target_of(field, "p", node.currency, scope.zone_of("p"), self.setting)
            return exp.paren(predicate(target, node.op, node.value, self.setting), copy=False)
        operator = find_operator(field.type, node.op)
        positive = operator.is_negative_of if operator and operator.is_negative_of else node.op
        target = target_of(field, "f", node.currency, scope.zone_of("z"), self.setting)
        holds = predicate(target, positive, node.value, self.setting)
        people = exp.column(field.person_column, "f", quoted=True)
        rows = exp.select(people).from_(table(field.table, "f")).where(people.is_(exp.null()).not_(), holds)
        found = member_of(scope.with_zone(rows, people))
        return found if positive == node.op else exp.not_(found, copy=False)

    def _sample(self, node: Sample) -> exp.Expr:
        if node.sample >= 100:
            return exp.true()
        person = exp.cast(exp.column(PERSON_COLUMN, "p", quoted=True), "text")
        text = exp.DPipe(this=self.setting.bind(f"{node.salt}:"), expression=person)
        digits = exp.Substring(this=exp.MD5(this=text), start=exp.convert(1), length=exp.convert(8))
        value: exp.Expr = digits
        if self.setting.dialect == "postgres":
            value = exp.Collate(this=digits, expression=exp.to_identifier("C", quoted=True))
        return exp.paren(value < exp.Literal.string(sample_threshold(node.sample)))

    def _membership(self, node: Membership, scope: Scope) -> exp.Expr:
        if node.segment not in self.members:
            name = f"segment_{len(self.members) + 1}"
            self.members[node.segment] = (name, exp.null())
            self.members[node.segment] = (name, self._people_of(node.segment, scope))
            self.members[node.segment] = self.members.pop(node.segment)  # after those that it names itself
        members = exp.alias_(exp.to_table(self.members[node.segment][0]), "m", table=True)
        return member_of(exp.select(exp.column(PERSON_COLUMN, "m", quoted=True)).from_(members))

    def _people_of(self, key: str, scope: Scope) -> exp.Expr:
        if key in self.frozen:
            columns = [exp.column(name, "k", quoted=True) for name in (PERSON_COLUMN, "segment_key", "left_at")]
            kept = exp.select(columns[0]).distinct().from_(table(MEMBERSHIPS_TABLE, "k"))
            return kept.where(columns[1].eq(self.setting.bind(key)), columns[2].is_(exp.null()))
        return self.people(self.segments[key], scope.only_person)

    def people(self, rule: Rule, only_person: int | None = None) -> exp.Select:
        """Everybody for whom a rule is true."""
        scope = Scope(self.setting, rule.time_zone == "person", only_person)
        query = exp.select(exp.column(PERSON_COLUMN, "p", quoted=True)).from_(table(PEOPLE_TABLE, "p"))
        return query.where(self.condition(rule.where, scope), scope.is_person("p"), copy=False)

    def with_members(self, query: exp.Select) -> exp.Select:
        """The query with what memberships lead to."""
        for name, people in self.members.values():
            query = query.with_(name, people, copy=False)
        return query


class _Compiler(Conditions):
    def compile(self, rule: Rule) -> Compiled:
        return render(self.with_members(self.people(rule)), self.setting)


def render(query: exp.Expr, setting: Setting) -> Compiled:
    """The text of a query with its placeholders in order."""
    text = query.sql(dialect=setting.dialect, pretty=True)
    pieces = _PLACEHOLDERS[setting.dialect].split(text)
    mark = "%s" if setting.dialect == "postgres" else "?"
    double = "%%" if setting.dialect == "postgres" else "%"
    sql = mark.join(piece.replace("%", double) for piece in pieces[::2])
    numbers = [int(number) for number in pieces[1::2]]
    texts = [exp.Literal.string(value).sql(dialect=setting.dialect) for value in setting.parameters]
    last = pieces[-1]
    readable = "".join(piece + texts[number] for piece, number in zip(pieces[::2], numbers, strict=False)) + last
    return Compiled(sql, tuple(setting.parameters[number] for number in numbers), setting.dialect, readable)


@lru_cache(maxsize=1000)
def sample_threshold(percent: float) -> str:
    """Eight hex digits: who has smaller ones is in the sample."""
    return f"{int(percent / 100 * 2**32):08x}"
