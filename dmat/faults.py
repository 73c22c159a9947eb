"""What is wrong with a document, in words of people who write no programs: the place, the fault, what is allowed there.

    capacity: 'ten' is no whole number (allowed: a whole number, 0 to 10,000)

Belongs here: turning the faults that pydantic finds in a shape into words. Stays out: the shapes, reading
(`documents.py`). A shape's own checks say both in one text, `tiers: they are not in order; each begins at more points
than the one before`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from dmat import forms
from dmat.errors import InvalidInputError

LONGEST_SHOWN = 60
KINDS = {
    "int": "a whole number", "float": "a number", "string": "a text", "bool": "true or false", "list": "a list",
    "tuple": "a list", "dict": "an object with fields", "model": "an object with fields",
    "date": "a day, as 2026-03-15", "datetime": "a moment, as 2026-03-15T09:00:00Z",
}  # fmt: skip
LIMITS = {
    "ge": "at least", "gt": "more than", "min_length": "at least", "le": "at most", "lt": "less than",
    "max_length": "at most",
}  # fmt: skip
SIZES = {
    "greater_than": "too small", "greater_than_equal": "too small", "less_than": "too large",
    "less_than_equal": "too large",
}  # fmt: skip
WORDS = {
    "missing": "it is missing", "extra_forbidden": "there is no such field", "too_long": "there are too many",
    "union_tag_not_found": "it is missing", "model_attributes_type": "it is no object",
}  # fmt: skip
_NAMES_ITS_PLACE = re.compile(r"([\w.\[\]]+): (.*)", re.DOTALL)


def first_fault(error: ValidationError, shape: type[BaseModel], name: str) -> InvalidInputError:
    """The first fault of a document, to be raised; see `all_faults`."""
    return all_faults(error, shape, name)[0]


def all_faults(error: ValidationError, shape: type[BaseModel], name: str) -> list[InvalidInputError]:
    """Every fault of a document; a list whose parts are wrong is not called too short, as it is without them.

    Args:
        error: what pydantic says.
        shape: what the document should have been.
        name: what the whole is called where no place in it is wrong.
    """
    found = error.errors(include_url=False)
    inside = {each["loc"][:length] for each in found for length in range(len(each["loc"]))}
    return [_told(each, shape, name) for each in found if each["type"] != "too_short" or each["loc"] not in inside]


def _told(found: Any, shape: type[BaseModel], name: str) -> InvalidInputError:
    place, field, beside = _at(shape, found["loc"])
    if found["type"] == "value_error":
        words = str(found["msg"]).removeprefix("Value error, ")
        own = None if place else _NAMES_ITS_PLACE.fullmatch(words)
        problem, _, allowed = (own[2] if own else words).partition("; ")
        return InvalidInputError(own[1] if own else place or name, problem, allowed)
    return InvalidInputError(place or name, _problem(found), _allowed(found, field, beside))


def limits_of(context: Mapping[str, Any], unit: str = "") -> str:
    """The limits that a value is beyond, in words."""
    unit = unit or ("entries" if "field_type" in context else "characters")
    return ", ".join(
        f"{words} {context[name]:,}{f' {unit}' if name.endswith('length') else ''}"
        for name, words in LIMITS.items() if context.get(name) is not None
    )  # fmt: skip


def _at(shape: type[BaseModel], steps: tuple[str | int, ...]) -> tuple[str, FieldInfo | None, Mapping[str, FieldInfo]]:
    """A place in words, its field, and the fields beside it; which shape of several it is, is no part of a place."""
    place, field, beside, below = "", None, {}, _fields([shape])
    is_tag = False
    for step in steps:
        if is_tag and isinstance(step, str):
            is_tag = False
            continue
        place += f"[{step}]" if isinstance(step, int) else f".{step}"
        if isinstance(step, str):
            field, beside = below.get(step), below
            below = _fields(_shapes(field))
            is_tag = _has_kinds(field)
    return place.lstrip("."), field, beside


def _has_kinds(field: FieldInfo | None) -> bool:
    """Whether it is one of several shapes, or a list of such, of which pydantic names the one that was read."""
    if field is None or field.discriminator is not None:
        return field is not None
    todo = [field.annotation]
    while todo:
        each: Any = todo.pop()
        if any(getattr(part, "discriminator", None) for part in getattr(each, "__metadata__", ())):
            return True
        todo += get_args(each)
    return False


def _fields(shapes: Iterable[type[BaseModel]]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for shape in shapes for name, field in shape.model_fields.items()}


def _shapes(field: FieldInfo | None) -> Iterator[type[BaseModel]]:
    todo = [field.annotation] if field else []
    while todo:
        each: Any = todo.pop()
        if isinstance(each, type) and issubclass(each, BaseModel):
            yield each
        else:
            todo += get_args(each)


def _problem(found: Any) -> str:
    kind, given = str(found["type"]), found.get("input")
    if kind in WORDS:
        return WORDS[kind]
    if given is None or (isinstance(given, str) and not given.strip()):
        return "it is empty"
    if kind == "too_short":
        return "there are too few" if given else "it is empty"
    shown = repr(given[:LONGEST_SHOWN]) if isinstance(given, str) else str(given)[:LONGEST_SHOWN]
    if kind in ("string_too_long", "string_too_short"):
        return f"{len(given):,} characters are too {'many' if kind == 'string_too_long' else 'few'}"
    if kind in SIZES:
        return f"{shown} is {SIZES[kind]}"
    if kind == "union_tag_invalid":
        return f"{found['ctx']['tag']!r:.{LONGEST_SHOWN}} is not allowed"
    if kind == "string_pattern_mismatch":
        return f"{shown} has another form"
    if kind != "literal_error" and _kind_of(kind) == "":
        return f"{found['msg'][:1].lower()}{found['msg'][1:]}"
    return f"{shown if isinstance(given, str) else 'it'} is not {_kind_of(kind).partition(',')[0] or 'allowed'}"


def _kind_of(fault: str) -> str:
    """What a value should have been, of a fault of its kind: `int_parsing` -> a whole number."""
    return KINDS.get(fault.partition("_")[0], "")


def _allowed(found: Any, field: FieldInfo | None, beside: Mapping[str, FieldInfo]) -> str:
    kind, context = str(found["type"]), found.get("ctx") or {}
    said = (field.description if field else "") or ""
    if kind == "extra_forbidden":
        return ", ".join(beside)
    if kind in ("literal_error", "union_tag_invalid"):
        return str(context.get("expected") or context.get("expected_tags")).replace("'", "")
    if kind == "string_pattern_mismatch":
        return forms.WORDS.get(context["pattern"]) or said or str(context["pattern"])
    if kind == "missing":
        return said
    if found["loc"] and isinstance(found["loc"][-1], int):
        return limits_of(context) or _kind_of(kind)
    unit = "entries" if kind.startswith(("too_", "list", "tuple")) else "characters"
    return ", ".join(part for part in (_kind_of(kind), _bounds(field, unit) or limits_of(context)) if part)


def _bounds(field: FieldInfo | None, unit: str) -> str:
    limits = {
        name: getattr(each, name) for each in (field.metadata if field else ()) for name in LIMITS
        if getattr(each, name, None) is not None
    }  # fmt: skip
    if "ge" in limits and "le" in limits:
        return f"{limits['ge']:,} to {limits['le']:,}"
    if "max_length" in limits:
        return f"{limits.get('min_length', 0):,} to {limits['max_length']:,} {unit}"
    return limits_of(limits, unit)
