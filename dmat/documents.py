"""Reading documents that people wrote, from JSON or YAML: into a shape, or refused with the place that is wrong.

Belongs here: that, sizes, and kinds of values that stand in several shapes. Stays out: the shapes (`dmat/*/plan.py`),
the words of a refusal (`faults.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from dmat import forms
from dmat.clock import as_utc
from dmat.errors import InvalidInputError
from dmat.faults import first_fault

T = TypeVar("T", bound=BaseModel)
Address = Annotated[str, Field(max_length=320, pattern=forms.ADDRESS)]
"""An address of a mail, as somebody types it into a rule or report."""
OneLine = Annotated[str, Field(max_length=300, pattern=forms.ONE_LINE)]
Moment = Annotated[datetime, AfterValidator(as_utc)]
"""A moment as people write it, with a zone or in UTC; kept in UTC without one."""


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
    return read(shape, document, name)


def read(shape: type[T], document: Any, name: str, context: Mapping[str, bool] | None = None) -> T:
    """Read a document of any size into a shape.

    Args:
        shape: what it should be.
        document: what JSON or YAML gave.
        name: what the whole is called where no place in it is wrong.
        context: what the shape's own checks are told.

    Raises:
        InvalidInputError: names the place (as `steps[1].time`), what is wrong and what is allowed.
    """
    try:
        return shape.model_validate(document, context=context)
    except ValidationError as error:
        raise first_fault(error, shape, name) from None
