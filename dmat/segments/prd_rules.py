"""The flat rule format of older integrations, turned into our tree.

    {"groups": [
        {"rules": [{"attribute": "total_spend", "operator": ">", "value": 500, "within": "60 days"},
                   {"attribute": "country_code", "operator": "=", "value": "DE"}]},
        {"operator": "OR", "rules": [{"attribute": "last_purchase", "operator": "within", "value": "60 days"}]}
    ]}

Belongs here: how that format reads. Stays out: whether the result fits the catalogue (`checking.py`).

`operator` of a group says how it joins what stands before it: AND (the default) or OR; AND binds tighter, as in SQL.
The rules of a group hold together (AND) unless a rule says `"connector": "OR"`, which joins it to the one before it.
Spending, purchases and engagement are conditions on events; any other attribute is a field of the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from dmat.segments.catalogue import Catalogue, Field
from dmat.segments.operators import NUMERIC_TYPES, UNITS, find_operator, operator_keys
from dmat.segments.rules import Fault, InvalidRuleError, Rule, parse

MOST_RULES = 400
BOUGHT = "ordered"
BOUGHT_LINE = "bought"
CONNECTORS = ("AND", "OR")
COMPARISONS = {
    ">": "greater_than", ">=": "at_least", "<": "less_than", "<=": "at_most", "=": "equals", "==": "equals",
    "!=": "not_equals", "<>": "not_equals",
}  # fmt: skip
DAY_COMPARISONS = {">": "after", "<": "before", "=": "on", "==": "on"}
WORDS = {
    "is": "equals", "is_not": "not_equals", "in": "one_of", "not_in": "none_of", "within": "within_last",
    "not_within": "not_within_last", "does_not_contain": "not_contains", "more_than": "greater_than",
}  # fmt: skip
_DURATION = re.compile(r"\s*(\d{1,6})\s*(hour|day|week|month|year)s?\s*", re.IGNORECASE)
_AMOUNT = re.compile(r"\s*[$€£]?\s*(-?\d{1,12}(?:,\d{3})*(?:\.\d{1,2})?)\s*")
_RULE_KEYS = ("attribute", "operator", "value", "within", "connector", "currency")


class _Wrong(Exception):
    """A fault found while one rule is read."""

    def __init__(self, part: str, what: str, allowed: str = "") -> None:
        self.part, self.what, self.allowed = part, what, allowed
        super().__init__(what)


def is_flat(document: Any) -> bool:
    """Whether a document is written in this format."""
    return isinstance(document, Mapping) and "groups" in document and "where" not in document


def convert(document: Any, catalogue: Catalogue) -> Rule:
    """The rule that a flat document means.

    Raises:
        InvalidRuleError: names each place that cannot be read, as `groups[0].rules[1].value`.
    """
    faults: list[Fault] = []
    groups = _list_in(document, "groups", "", faults)
    if isinstance(document, Mapping) and set(document) - {"groups"}:
        faults.append(Fault(str(sorted(set(document) - {"groups"})[0])[:80], "is not known here", "groups"))
    if sum(len(g["rules"]) for g in groups if isinstance(g, Mapping) and isinstance(g.get("rules"), list)) > MOST_RULES:
        raise InvalidRuleError([Fault("groups", "has too many rules", f"at most {MOST_RULES}")])
    parts = [_group(group, f"groups[{number}]", catalogue, faults) for number, group in enumerate(groups)]
    if faults:
        raise InvalidRuleError(faults)
    return parse({"version": 1, "where": _joined(parts)})


def _group(group: Any, path: str, catalogue: Catalogue, faults: list[Fault]) -> tuple[str, Any]:
    rules = _list_in(group, "rules", path, faults)
    unknown = sorted(set(group) - {"operator", "rules"}) if isinstance(group, Mapping) else []
    faults += [Fault(f"{path}.{str(name)[:80]}", "is not known here", "operator, rules") for name in unknown]
    connector = _connector(group, "operator", path, faults)
    parts = [_rule(rule, f"{path}.rules[{number}]", catalogue, faults) for number, rule in enumerate(rules)]
    return connector, _joined(parts)


def _list_in(holder: Any, name: str, path: str, faults: list[Fault]) -> list[Any]:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    if isinstance(found, list) and found:
        return found
    faults.append(Fault(f"{path}.{name}".lstrip("."), "is missing or empty", "a list with at least one entry"))
    return []


def _connector(holder: Any, name: str, path: str, faults: list[Fault]) -> str:
    found = holder.get(name, "AND") if isinstance(holder, Mapping) else "AND"
    if isinstance(found, str) and found.upper() in CONNECTORS:
        return found.upper()
    faults.append(Fault(f"{path}.{name}", f"{str(found)[:40]!r} joins nothing", ", ".join(CONNECTORS)))
    return "AND"


def _joined(parts: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """`a AND b OR c` as any of (all of a, b), c: AND binds tighter."""
    alternatives: list[list[Any]] = []
    for connector, node in parts:
        if connector == "OR" or not alternatives:
            alternatives.append([node])
        else:
            alternatives[-1].append(node)
    joined = [nodes[0] if len(nodes) == 1 else {"all": nodes} for nodes in alternatives]
    return joined[0] if len(joined) == 1 else {"any": joined}


def _rule(rule: Any, path: str, catalogue: Catalogue, faults: list[Fault]) -> tuple[str, Any]:
    connector = _connector(rule, "connector", path, faults)
    try:
        return connector, _condition(rule, catalogue)
    except _Wrong as wrong:
        faults.append(Fault(f"{path}.{wrong.part}".rstrip("."), wrong.what, wrong.allowed))
        return connector, {"all": []}


def _condition(rule: Any, catalogue: Catalogue) -> dict[str, Any]:
    if not isinstance(rule, Mapping):
        raise _Wrong("", "is no object", ", ".join(_RULE_KEYS))
    unknown = sorted(set(rule) - set(_RULE_KEYS))
    if unknown:
        raise _Wrong(str(unknown[0])[:80], "is not known here", ", ".join(_RULE_KEYS))
    attribute, operator = _text(rule, "attribute"), _text(rule, "operator")
    special = SPECIAL.get(attribute)
    if special and attribute not in catalogue.fields:
        return special(rule, operator)
    field = catalogue.fields.get(attribute)
    if field is None:
        raise _Wrong("attribute", f"there is no {attribute[:80]!r}", ", ".join([*SPECIAL, *catalogue.fields]))
    if "within" in rule:
        raise _Wrong("within", "only spending and purchases have a window", "no within")
    return _field_condition(rule, field, operator)


def _text(rule: Mapping[str, Any], name: str) -> str:
    found = rule.get(name)
    if not isinstance(found, str) or not found.strip():
        raise _Wrong(name, "is missing or no text", "a text")
    return found.strip()


def _field_condition(rule: Mapping[str, Any], field: Field, operator: str) -> dict[str, Any]:
    op = _operator(field.type, operator)
    node: dict[str, Any] = {"field": field.key, "op": op}
    if "value" in rule:
        node["value"] = _value(rule["value"], field.type, op)
    if "currency" in rule:
        node["currency"] = _text(rule, "currency")
    return node


def _operator(type_: str, written: str) -> str:
    plain = re.sub(r"\s+", "_", written.lower())
    signs = DAY_COMPARISONS if type_ == "date" else COMPARISONS
    found = signs.get(plain, WORDS.get(plain, plain))
    if type_ == "geography":
        found = {"equals": "one_of", "not_equals": "none_of"}.get(found, found)
    if find_operator(type_, found) is None:
        raise _Wrong("operator", f"{written[:40]!r} does not fit a {type_}", ", ".join([*signs, *operator_keys(type_)]))
    return found


def _value(value: Any, type_: str, op: str) -> Any:
    if op.endswith(("within_last", "within_next")):
        return _duration(value, "value")
    if op in ("one_of", "none_of", "in_region", "not_in_region") and isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if type_ in NUMERIC_TYPES:
        return [_number(part) for part in value] if isinstance(value, list) else _number(value)
    return value


def _number(value: Any) -> Any:
    if isinstance(value, str):
        match = _AMOUNT.fullmatch(value)
        if not match:
            raise _Wrong("value", f"{value[:40]!r} is no number", "500, 99.95 or $500")
        return float(match[1].replace(",", ""))
    return value


def _duration(value: Any, part: str) -> dict[str, Any]:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match:
            return {"amount": int(match[1]), "unit": f"{match[2].lower()}s"}
    elif isinstance(value, Mapping) and set(value) == {"amount", "unit"}:
        return dict(value)
    raise _Wrong(part, f"{str(value)[:40]!r} is no duration", f'"60 days"; units {", ".join(UNITS)}')


def _window(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {"window": {"last": _duration(rule["within"], "within")}} if "within" in rule else {}


def _needed(rule: Mapping[str, Any]) -> Any:
    if rule.get("value") is None:
        raise _Wrong("value", "is missing", "a value")
    return rule["value"]


def _total_spend(rule: Mapping[str, Any], operator: str) -> dict[str, Any]:
    op = _operator("money", operator)
    node = {"event": BOUGHT, "measure": "sum", "property": "net", "op": op, "value": _value(_needed(rule), "money", op)}
    if "currency" in rule:
        node["currency"] = _text(rule, "currency")
    return node | _window(rule)


def _order_count(rule: Mapping[str, Any], operator: str) -> dict[str, Any]:
    op = _operator("number", operator)
    return {"event": BOUGHT, "measure": "count", "op": op, "value": _value(_needed(rule), "number", op)} | _window(rule)


def _last_purchase(rule: Mapping[str, Any], operator: str) -> dict[str, Any]:
    if "within" in rule:
        raise _Wrong("within", "the operator says it already", "no within")
    op = _operator("date", operator)
    value = _needed(rule)
    if op in ("within_last", "not_within_last"):
        window = {"last": _duration(value, "value")}
        return {"event": BOUGHT, "did": op == "within_last", "window": window}
    if op not in ("before", "after"):
        raise _Wrong("operator", f"{operator[:40]!r} does not fit the last purchase", "within, not within, <, >")
    first_day = _day(value) + timedelta(days=op == "after")
    bought_since = {"event": BOUGHT, "did": True, "window": {"from": first_day.isoformat()}}
    return bought_since if op == "after" else {"all": [{"event": BOUGHT, "did": True}, {"not": bought_since}]}


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise _Wrong("value", f"{str(value)[:40]!r} is no day", "2026-01-31") from None


def _bought(property_: str) -> Callable[[Mapping[str, Any], str], dict[str, Any]]:
    def condition(rule: Mapping[str, Any], operator: str) -> dict[str, Any]:
        op = _operator("text", operator)
        value = _value(_needed(rule), "text", op)
        positive = {"not_equals": "equals", "not_contains": "contains", "none_of": "one_of"}.get(op, op)
        where = [{"property": property_, "op": positive, "value": value}]
        return {"event": BOUGHT_LINE, "did": positive == op, "where": where} | _window(rule)

    return condition


SPECIAL: Mapping[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
    "total_spend": _total_spend,
    "order_count": _order_count,
    "last_purchase": _last_purchase,
    "product_purchased": _bought("product"),
    "category_purchased": _bought("category"),
}
