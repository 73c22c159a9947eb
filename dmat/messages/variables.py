"""The values of a template's variables for one person: typed, in words, with fallbacks; a missing one is an error.

Belongs here: from frozen facts (the context of a ledger entry) to what a template sees. Stays out: reading the facts
from the warehouse (`sources.py`), links (`tracking.py`).

A template sees text, numbers and lists only:
  money    `total` in words, `total_cents` as a number          date   `birthday` in words, `birthday_iso` to compare
  list     of products: title, url, image_url, price, ...       url    a web address, or the fallback
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import orjson

from dmat.errors import InvalidInputError
from dmat.messages.links import is_web_address
from dmat.messages.records import Variable
from dmat.messages.wording import day_in_words, money_in_words

LONGEST_TEXT, MOST_KEYS = 2_000, 30
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")
_MISSING = object()


@dataclass
class Values:
    """What a template sees of one person, and what was not known.

    Attributes:
        fallbacks: variables for which the fallback stands in.
        missing: required variables that nobody knows.
    """

    seen: dict[str, Any] = field(default_factory=dict)
    fallbacks: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def clean_text(text: str) -> str:
    """Text without control characters, not longer than a message may want."""
    clean = text if text.isprintable() else _CONTROL.sub(" ", text)  # mostly it is, and looking is much quicker
    return clean.strip()[:LONGEST_TEXT]


def personal_values(variables: Sequence[Variable], context: Mapping[str, Any], locale: str = "") -> Values:
    """The values of all variables, from the frozen facts of a person."""
    found = Values()
    for variable in variables:
        given = _READERS[variable.type](variable, context, locale)
        if given is not _MISSING:
            found.seen.update(given)
        elif variable.fallback is not None:
            fallback = {variable.name: variable.fallback, "currency_code": context.get("currency_code")}
            given = _READERS[variable.type](variable, fallback, locale)
            found.seen.update(given if given is not _MISSING else {variable.name: variable.fallback})
            found.fallbacks.append(variable.name)
        else:
            found.missing.append(variable.name)
    return found


def required_values(variables: Sequence[Variable], context: Mapping[str, Any], locale: str = "") -> dict[str, Any]:
    """The values, or an error that names the first required one which is missing.

    Raises:
        InvalidInputError: it is missing and has no fallback.
    """
    found = personal_values(variables, context, locale)
    if found.missing:
        kinds = {variable.name: variable.type for variable in variables}
        raise InvalidInputError(found.missing[0], "it is missing and has no fallback", kinds[found.missing[0]])
    return found.seen


def _text(variable: Variable, context: Mapping[str, Any], _locale: str) -> Any:
    given = context.get(variable.name)
    if given is None or isinstance(given, (list, dict)):
        return _MISSING
    text = clean_text(str(given))
    return {variable.name: text} if text or variable.fallback == "" else _MISSING


def _number(variable: Variable, context: Mapping[str, Any], _locale: str) -> Any:
    given = context.get(variable.name)
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    return {variable.name: given} if is_number else _MISSING


def _money(variable: Variable, context: Mapping[str, Any], locale: str) -> Any:
    given: Any = context.get(variable.name)
    currency = context.get(f"{variable.name}_currency") or context.get("currency_code")
    if isinstance(given, Mapping):
        given, currency = given.get("cents"), given.get("currency_code")
    if not isinstance(given, int) or isinstance(given, bool) or not isinstance(currency, str):
        return _MISSING
    return {variable.name: money_in_words(given, currency, locale), f"{variable.name}_cents": given}


def _date(variable: Variable, context: Mapping[str, Any], locale: str) -> Any:
    given = context.get(variable.name)
    if isinstance(given, str):
        try:
            given = date.fromisoformat(given[:10])
        except ValueError:
            return _MISSING
    if not isinstance(given, date):
        return _MISSING
    day = given.date() if isinstance(given, datetime) else given
    return {variable.name: day_in_words(day, locale), f"{variable.name}_iso": day.isoformat()}


def _url(variable: Variable, context: Mapping[str, Any], _locale: str) -> Any:
    given = context.get(variable.name)
    if isinstance(given, str) and is_web_address(given.strip()):
        return {variable.name: clean_text(given)}
    return {variable.name: ""} if given == "" and variable.fallback == "" else _MISSING


def _list(variable: Variable, context: Mapping[str, Any], locale: str) -> Any:
    given = context.get(variable.name)
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            return _MISSING
    if not isinstance(given, (list, tuple)) or (not given and variable.fallback is None):
        return _MISSING
    return {variable.name: [item for each in given[: variable.count] if (item := _item(each, locale)) is not None]}


def _item(given: Any, locale: str) -> Any:
    """A text, a number, or a product whose amounts are in words too."""
    if isinstance(given, str):
        return clean_text(given)
    if not isinstance(given, Mapping):
        return given if isinstance(given, (int, float)) else None
    item: dict[str, Any] = {}
    for key, value in list(given.items())[:MOST_KEYS]:
        if str(key).endswith("url"):
            item[key] = value if isinstance(value, str) and is_web_address(value) else ""
        elif isinstance(value, (str, int, float)):
            item[key] = clean_text(value) if isinstance(value, str) else value
        elif value is None:
            item[key] = ""
    cents, currency = item.get("price_cents"), item.get("currency_code")
    if isinstance(cents, int) and isinstance(currency, str):
        item["price"] = money_in_words(cents, currency, locale)
    return item


_READERS: Mapping[str, Callable[[Variable, Mapping[str, Any], str], Any]] = {
    "text": _text, "number": _number, "money": _money, "date": _date, "list": _list, "url": _url
}  # fmt: skip
