"""Reading documents that people wrote, from JSON or YAML: into a shape, or refused with the place that is wrong.

Belongs here: sizes and the words of a refusal. Stays out: the shapes (`dmat/*/plan.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from dmat.errors import InvalidInputError

T = TypeVar("T", bound=BaseModel)
ADDRESS = r"^[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[^@\s<>\"',;]+$"
Address = Annotated[str, Field(max_length=320, pattern=ADDRESS)]
"""An address of a mail, as somebody types it into a rule or report."""


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
        raise InvalidInputError(place, first["msg"].lower(), allowed) from None


def fault_of(found: Any, name: str) -> tuple[str, str, str]:
    """Place, what is wrong and what is allowed, of a fault as pydantic tells it."""
    place = name
    for part in found["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    allowed = found.get("ctx", {}).get("expected") or found.get("ctx", {}).get("pattern") or ""
    return place.removeprefix(f"{name}."), str(found["msg"]).removeprefix("Value error, "), str(allowed)
