"""Rules from what people write in notebooks: a condition as pandas takes it, or a data frame of people.

Belongs here: reading both as our tree. Stays out: whether the tree fits the catalogue (`checking.py`).

    country_code == 'DE' and revenue_cents > 500            comparisons, and / or / not, also & | ~ with brackets
    city in ['Berlin', 'Wien']                              also not in, and city.isin([...])
    email.str.endswith('@example.com')                      str.contains, startswith, endswith
    last_order_at >= '2026-01-31' and birthday.notna()      days as text; isna, notna, between(a, b)
    has_email_consent and not has_sms_consent               yes/no and consent by name

The text is only read, never run. Money is in major units, as in rules.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from dmat.errors import InvalidInputError
from dmat.segments.catalogue import Catalogue, Field
from dmat.segments.operators import NUMERIC_TYPES
from dmat.segments.rules import Rule, parse
from dmat.segments.tree import MAXIMUM_VALUES

if TYPE_CHECKING:
    import pandas as pd

Node = dict[str, Any]
LONGEST = 10_000
MOST_PEOPLE = 150_000
_NUMBER = {
    ast.Eq: "equals", ast.NotEq: "not_equals", ast.Gt: "greater_than", ast.GtE: "at_least", ast.Lt: "less_than",
    ast.LtE: "at_most",
}  # fmt: skip
_TEXT = {ast.Eq: "equals", ast.NotEq: "not_equals", ast.In: "one_of", ast.NotIn: "none_of"}
_PLACE = {ast.Eq: "one_of", ast.NotEq: "none_of", ast.In: "one_of", ast.NotIn: "none_of"}
_TURNED = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq}
_STR = {"contains": "contains", "startswith": "starts_with", "endswith": "ends_with"}
_ALLOWED = "comparisons of fields with values, and, or, not, in, isin, between, isna, notna, str.contains"


def rule_from_text(text: str, catalogue: Catalogue) -> Rule:
    """The rule of a condition as pandas' `DataFrame.query` takes it.

    Raises:
        InvalidInputError: it cannot be read, or a field in it is not known.
    """
    if len(text) > LONGEST:
        raise InvalidInputError("predicate", "it is too long", f"at most {LONGEST} signs")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidInputError("predicate", f"it cannot be read ({error})", _ALLOWED) from None
    return parse({"version": 1, "where": _Reader(catalogue).node(tree.body)})


def rule_from_emails(emails: Sequence[str]) -> Rule:
    """The rule that is true for the people with these addresses.

    Raises:
        InvalidInputError: none, or more than a rule holds.
    """
    wanted = sorted({email.strip().lower() for email in emails if email and email.strip()})
    if not 0 < len(wanted) <= MOST_PEOPLE:
        raise InvalidInputError("people", f"{len(wanted)} addresses", f"1 to {MOST_PEOPLE} people with an address")
    parts: list[Node] = [
        {"field": "email", "op": "one_of", "value": wanted[first : first + MAXIMUM_VALUES]}
        for first in range(0, len(wanted), MAXIMUM_VALUES)
    ]
    return parse({"version": 1, "where": parts[0] if len(parts) == 1 else Node(any=parts)})


def people_in(frame: pd.DataFrame) -> tuple[str, list[Any]]:
    """Which people a data frame means: its column `person_id` (also as the index) or `email`, with the values.

    Raises:
        InvalidInputError: it has neither.
    """
    flat = frame.reset_index() if frame.index.name in ("person_id", "email") else frame
    for name in ("person_id", "email"):
        if name in flat.columns:
            return name, flat[name].dropna().unique().tolist()
    raise InvalidInputError("people", "the data frame names no people", "a column person_id or email")


class _Reader:
    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def node(self, found: ast.expr) -> Node:
        if isinstance(found, ast.BoolOp):
            joint = "all" if isinstance(found.op, ast.And) else "any"
            return {joint: [self.node(part) for part in found.values]}
        if isinstance(found, ast.BinOp) and isinstance(found.op, (ast.BitAnd, ast.BitOr)):
            joint = "all" if isinstance(found.op, ast.BitAnd) else "any"
            return {joint: [self.node(found.left), self.node(found.right)]}
        if isinstance(found, ast.UnaryOp) and isinstance(found.op, (ast.Not, ast.Invert)):
            return {"not": self.node(found.operand)}
        if isinstance(found, ast.Compare):
            return self._comparisons(found)
        if isinstance(found, ast.Call):
            return self._call(found)
        if isinstance(found, ast.Name):
            return self._truth(self._field(found), True)
        raise self._unread(found)

    def _comparisons(self, found: ast.Compare) -> Node:
        sides = [found.left, *found.comparators]
        parts = [self._comparison(sides[n], op, sides[n + 1]) for n, op in enumerate(found.ops)]
        return parts[0] if len(parts) == 1 else {"all": parts}

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Node:
        kind: type[ast.cmpop] = type(op)
        if not isinstance(left, ast.Name) and isinstance(right, ast.Name):
            if kind in (ast.In, ast.NotIn):
                return self._in_list(self._field(right), self._value(left), kind is ast.In)
            left, right, kind = right, left, _TURNED.get(kind, kind)
        field, value = self._field(left), self._value(right)
        if isinstance(value, bool):
            return self._truth(field, value is (kind is ast.Eq))
        if field.type == "date":
            return _day_condition(field, kind, value)
        table = _NUMBER if field.type in NUMERIC_TYPES else _PLACE if field.type == "geography" else _TEXT
        if kind not in table:
            raise InvalidInputError("predicate", f"{field.key} is a {field.type}", "another comparison")
        is_single = field.type == "geography" and not isinstance(value, list)
        return {"field": field.key, "op": table[kind], "value": [value] if is_single else value}

    def _in_list(self, field: Field, value: Any, is_in: bool) -> Node:
        if field.type != "list":
            raise InvalidInputError("predicate", f"{field.key} is a {field.type}, no list", "a field that is a list")
        return {"field": field.key, "op": "contains_any" if is_in else "contains_none", "value": [value]}

    def _call(self, found: ast.Call) -> Node:
        if not isinstance(found.func, ast.Attribute) or found.keywords:
            raise self._unread(found)
        method, holder = found.func.attr, found.func.value
        values = [self._value(argument) for argument in found.args]
        if isinstance(holder, ast.Attribute) and holder.attr == "str" and method in _STR and len(values) == 1:
            return {"field": self._field(holder.value).key, "op": _STR[method], "value": values[0]}
        field = self._field(holder)
        known: dict[tuple[str, int], Callable[[], Node]] = {
            ("isna", 0): lambda: {"field": field.key, "op": "is_unknown"},
            ("notna", 0): lambda: {"field": field.key, "op": "is_known"},
            ("between", 2): lambda: {"field": field.key, "op": "between", "value": values},
            ("isin", 1): lambda: {"field": field.key, "op": "one_of", "value": values[0]},
        }
        if (method, len(values)) not in known:
            raise self._unread(found)
        return known[method, len(values)]()

    def _truth(self, field: Field, is_true: bool) -> Node:
        names = {"consent": ("is_granted", "is_not_granted"), "boolean": ("is_true", "is_false")}
        if field.type not in names:
            raise InvalidInputError("predicate", f"{field.key} is a {field.type}, not yes or no", "a comparison")
        return {"field": field.key, "op": names[field.type][0 if is_true else 1]}

    def _field(self, found: ast.expr) -> Field:
        if not isinstance(found, ast.Name):
            raise self._unread(found)
        if found.id not in self.catalogue.fields:
            raise InvalidInputError("predicate", f"there is no field {found.id!r}", ", ".join(self.catalogue.fields))
        return self.catalogue.fields[found.id]

    def _value(self, found: ast.expr) -> Any:
        try:
            value = ast.literal_eval(found)
        except (ValueError, TypeError, RecursionError):
            raise self._unread(found) from None
        return list(value) if isinstance(value, (list, tuple, set)) else value

    def _unread(self, found: ast.expr) -> InvalidInputError:
        return InvalidInputError("predicate", f"{ast.unparse(found)[:80]!r} is not understood", _ALLOWED)


def _day_condition(field: Field, kind: type[ast.cmpop], value: Any) -> Node:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidInputError("predicate", f"{field.key} is a date", "a day as '2026-01-31'") from None
    steps = {ast.Gt: ("after", 0), ast.GtE: ("after", -1), ast.Lt: ("before", 0), ast.LtE: ("before", 1)}
    if kind in (ast.Eq, ast.NotEq):
        on: Node = {"field": field.key, "op": "on", "value": day.isoformat()}
        return on if kind is ast.Eq else {"not": on}
    if kind not in steps:
        raise InvalidInputError("predicate", f"{field.key} is a date", "==, !=, <, <=, > or >=")
    op, shift = steps[kind]
    return {"field": field.key, "op": op, "value": (day + timedelta(days=shift)).isoformat()}
