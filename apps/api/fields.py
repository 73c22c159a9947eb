"""What a request may hold at a place, for answers that name it: the fields of a body, what a parameter is for.

Belongs here: looking that up in what a route declares. Stays out: the answers (`faults.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.fields import FieldInfo

LONGEST = 600


def allowed_fields(route: APIRoute, location: Sequence[Any]) -> str:
    """The names of the fields beside the one at this place of the body; empty when the route declares none."""
    models = _models(route.body_field.field_info.annotation) if route.body_field else []
    for step in location[1:-1]:
        models = [model for info in _named(models, step) for model in _models(info.annotation)] or models
    names = dict.fromkeys(info.alias or name for model in models for name, info in model.model_fields.items())
    said = ", ".join(sorted(names))
    return said if len(said) <= LONGEST else f"{said[:LONGEST].rpartition(', ')[0]}, ..."


def purpose(route: APIRoute, location: Sequence[Any]) -> str:
    """What the declaration says of a parameter or a field of the body; empty when it says nothing."""
    kind, *path = location or ("",)
    if kind in ("query", "path", "header"):
        declared = getattr(route.dependant, f"{kind}_params")
        found = [each.field_info for each in declared if path[:1] == [each.alias]]
    else:
        models = _models(route.body_field.field_info.annotation) if route.body_field else []
        found = []
        for step in path:
            found = _named(models, step)
            models = [model for info in found for model in _models(info.annotation)] or models
    return next((str(info.description) for info in found if info.description), "")


def _named(models: Sequence[type[BaseModel]], step: Any) -> list[FieldInfo]:
    return [info for model in models for name, info in model.model_fields.items() if step in (name, info.alias)]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that a declaration names, also inside of lists and choices."""
    return list(_found(annotation))


def _found(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _found(inner)
