"""Reading documents that people wrote, from JSON or YAML: into a shape, or refused with the place that is wrong.

Belongs here: sizes and the words of a refusal. Stays out: the shapes (`dmat/*/plan.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from dmat.clock import as_utc
from dmat.errors import InvalidInputError

T = TypeVar("T", bound=BaseModel)
ADDRESS = r"^[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[^@\s<>\"',;]+$"
Address = Annotated[str, Field(max_length=320, pattern=ADDRESS)]
"""An address of a mail, as somebody types it into a rule or report."""
Moment = Annotated[datetime, AfterValidator(as_utc)]
"""A moment as people write it, with a zone or in UTC; kept in UTC without one."""


TIME = r"^([01]\d|2[0-3]):[0-5]\d$"
FORMS = {
    TIME: "a time of day from 00:00 to 23:59",
    rf"^$|{TIME}": "a time of day from 00:00 to 23:59, or nothing",
    ADDRESS: "an address, as name@shop.example",
    rf"^$|{ADDRESS}": "an address, as name@shop.example, or nothing",
    r"^$|^https?://[^\s<>\"']+$": "an address that begins with https:// or http://, or nothing",
    r"^[^\r\n\x00]*$": "one line",
    r"^[A-Z]{3}$": "three capital letters, as EUR",
    r"^[a-z0-9][a-z0-9_-]{0,59}$": "up to 60 small letters, digits, _ and -",
}
"""Patterns in words, for a refusal."""
_LIMITS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than", "min_length": "at least",
           "max_length": "at most"}  # fmt: skip


def limits_of(context: Mapping[str, Any]) -> str:
    """The limits that a value is beyond, in words."""
    signs = " characters" if {"min_length", "max_length"} & set(context) else ""
    return ", ".join(f"{words} {context[name]}{signs}" for name, words in _LIMITS.items() if name in context)


def read_document(shape: type[T], document: Any, name: str, longest: int) -> T:
    """Read a document into a shape.

    Args:
        shape: what it should be; one that is it already is given back.
        document: what JSON or YAML gave.
        name: what the whole is called where no place in it is wrong.
        longest: characters at most.

    Raises:
        InvalidInputError: names the place (as `steps[1].time`), what is wrong and what is allowed.
    """
    if isinstance(document, shape):
        return document
    if len(json.dumps(document, default=str)) > longest:
        raise InvalidInputError(name, "is too long", f"{longest:,} characters")
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        raise InvalidInputError(*fault_of(error.errors(include_url=False)[0], name)) from None


def read_plain(
    shape: type[T], document: Mapping[str, Any], name: str, allowed: str, context: Mapping[str, bool] | None = None
) -> T:
    """Read a document without parts worth a sketch: places are named with dots (`sections.0.title`).

    Args:
        shape: what it should be.
        document: what JSON or YAML gave.
        name: what the whole is called where no place in it is wrong.
        allowed: where one can read what may stand there.
        context: what the shape's own checks are told.

    Raises:
        InvalidInputError: names the place and what is wrong.
    """
    try:
        return shape.model_validate(document, context=context)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or name
        raise InvalidInputError(place, f"{first['msg'][:1].lower()}{first['msg'][1:]}", allowed) from None


def fault_of(found: Any, name: str) -> tuple[str, str, str]:
    """Place, what is wrong and what is allowed, of a fault as pydantic tells it."""
    place = name
    for part in found["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    context = found.get("ctx") or {}
    allowed = context.get("expected") or context.get("pattern") or limits_of(context)
    if found.get("type") == "string_pattern_mismatch":
        return place.removeprefix(f"{name}."), "it has another form", FORMS.get(allowed, allowed)
    return place.removeprefix(f"{name}."), str(found["msg"]).removeprefix("Value error, "), str(allowed)
