"""The one table of operators: which type has which, what value each takes, and which is the `not` of which.

Belongs here: keys, labels and value kinds; validation, the API, the builder, sentences and the guide read them.
Stays out: what an operator means in SQL (`compiler.py`) or in arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ValueKind(StrEnum):
    """What stands under `value`."""

    NOTHING = "nothing"
    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    NUMBERS = "numbers"
    DAY = "day"
    DAYS = "days"
    DURATION = "duration"
    COUNTRIES = "countries"
    REGIONS = "regions"


VALUE_WORDS: Mapping[ValueKind, str] = {
    ValueKind.NOTHING: "no value",
    ValueKind.TEXT: "a text",
    ValueKind.TEXTS: "a list of texts",
    ValueKind.NUMBER: "a number",
    ValueKind.NUMBERS: "two numbers: lowest and highest",
    ValueKind.DAY: "a day, as 2026-01-31",
    ValueKind.DAYS: "two days: first and last",
    ValueKind.DURATION: 'a duration, as {"amount": 60, "unit": "days"}',
    ValueKind.COUNTRIES: "a list of country codes (ISO 3166, two letters)",
    ValueKind.REGIONS: "a list of regions",
}
UNITS = ("hours", "days", "weeks", "months", "years")


@dataclass(frozen=True)
class Operator:
    """One operator of one type.

    `label` reads after the name of the field and before the value. An operator with `is_negative_of` is true exactly
    where that other one is not, so also where the value is unknown.
    """

    key: str
    label: str
    value: ValueKind = ValueKind.NOTHING
    is_negative_of: str | None = None


_KNOWN = (Operator("is_known", "is known"), Operator("is_unknown", "is unknown", is_negative_of="is_known"))

_TEXT = (
    Operator("equals", "is", ValueKind.TEXT),
    Operator("not_equals", "is not", ValueKind.TEXT, "equals"),
    Operator("contains", "contains", ValueKind.TEXT),
    Operator("not_contains", "does not contain", ValueKind.TEXT, "contains"),
    Operator("starts_with", "starts with", ValueKind.TEXT),
    Operator("ends_with", "ends with", ValueKind.TEXT),
    Operator("one_of", "is one of", ValueKind.TEXTS),
    Operator("none_of", "is none of", ValueKind.TEXTS, "one_of"),
    *_KNOWN,
)
_NUMBER = (
    Operator("equals", "is", ValueKind.NUMBER),
    Operator("not_equals", "is not", ValueKind.NUMBER, "equals"),
    Operator("greater_than", "is more than", ValueKind.NUMBER),
    Operator("at_least", "is at least", ValueKind.NUMBER),
    Operator("less_than", "is less than", ValueKind.NUMBER),
    Operator("at_most", "is at most", ValueKind.NUMBER),
    Operator("between", "is between", ValueKind.NUMBERS),
    *_KNOWN,
)
_DATE = (
    Operator("before", "is before", ValueKind.DAY),
    Operator("after", "is after", ValueKind.DAY),
    Operator("on", "is on", ValueKind.DAY),
    Operator("between", "is between", ValueKind.DAYS),
    Operator("within_last", "is within the last", ValueKind.DURATION),
    Operator("not_within_last", "is not within the last", ValueKind.DURATION, "within_last"),
    Operator("within_next", "is within the next", ValueKind.DURATION),
    Operator("not_within_next", "is not within the next", ValueKind.DURATION, "within_next"),
    Operator("anniversary_within_next", "has its anniversary within the next", ValueKind.DURATION),
    Operator("anniversary_within_last", "had its anniversary within the last", ValueKind.DURATION),
    Operator("anniversary_this_month", "has its anniversary this month"),
    Operator("today", "is today"),
    Operator("this_week", "is this week"),
    Operator("this_month", "is this month"),
    *_KNOWN,
)
_LIST = (
    Operator("contains_any", "has any of", ValueKind.TEXTS),
    Operator("contains_all", "has all of", ValueKind.TEXTS),
    Operator("contains_none", "has none of", ValueKind.TEXTS, "contains_any"),
    Operator("is_not_empty", "is not empty"),
    Operator("is_empty", "is empty", is_negative_of="is_not_empty"),
)
_GEOGRAPHY = (
    Operator("one_of", "is one of", ValueKind.COUNTRIES),
    Operator("none_of", "is none of", ValueKind.COUNTRIES, "one_of"),
    Operator("in_region", "is in", ValueKind.REGIONS),
    Operator("not_in_region", "is not in", ValueKind.REGIONS, "in_region"),
    *_KNOWN,
)
_BOOLEAN = (Operator("is_true", "is true"), Operator("is_false", "is false"), *_KNOWN)
_CONSENT = (
    Operator("is_granted", "is granted"),
    Operator("is_not_granted", "is not granted", is_negative_of="is_granted"),
)

OPERATORS: Mapping[str, tuple[Operator, ...]] = {
    "text": _TEXT,
    "number": _NUMBER,
    "money": _NUMBER,
    "score": _NUMBER,
    "prediction": _NUMBER,
    "boolean": _BOOLEAN,
    "consent": _CONSENT,
    "date": _DATE,
    "list": _LIST,
    "geography": _GEOGRAPHY,
}
TYPES = tuple(OPERATORS)
NUMERIC_TYPES = ("number", "money", "score", "prediction")
MEASURES = ("count", "distinct", "sum", "avg", "min", "max", "first", "last")
MEASURE_WORDS: Mapping[str, str] = {
    "count": "number of times",
    "distinct": "number of different values of",
    "sum": "total of",
    "avg": "average of",
    "min": "smallest",
    "max": "largest",
    "first": "first",
    "last": "last",
}


def find_operator(type_: str, key: str) -> Operator | None:
    """The operator of a type, or None when the type has no such operator."""
    return next((operator for operator in OPERATORS.get(type_, ()) if operator.key == key), None)


def operator_keys(type_: str) -> tuple[str, ...]:
    """The keys of all operators of a type."""
    return tuple(operator.key for operator in OPERATORS.get(type_, ()))
