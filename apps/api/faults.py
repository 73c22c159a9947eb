"""What a door answers when it cannot do what was asked: a status, one sentence, and each fault by the path to it.

    {"detail": "...", "faults": [{"path": "rule.where.all[1].value", "what": "...", "allowed": "..."}]}

    401 nobody is known          403 the caller may not              404 there is no such thing
    409 it changed, exists       413 the body is too large           415 the body is not JSON
    422 a field is wrong         428 say which version you change    503 nothing has been published yet

Belongs here: turning errors into answers, and the route that does so. Stays out: the errors (`dmat/errors.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

import orjson
from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from apps.api.fields import allowed_fields, purpose
from dmat.errors import (
    ConflictError,
    DmatError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    NotPublishedError,
)
from dmat.faults import limits_of
from dmat.segments.rules import InvalidRuleError


class VersionMissingError(InvalidInputError):
    """A change that does not say which version it was made on."""


STATUS: tuple[tuple[type[DmatError], int], ...] = (
    (ConflictError, 409),
    (NotFoundError, 404),
    (NotPermittedError, 403),
    (NotPublishedError, 503),
    (VersionMissingError, 428),
    (InvalidInputError, 422),
)
MOST_FAULTS = 50
_SHAPE = {
    "detail": "where.op: is no operator of a number",
    "faults": [{"path": "where.op", "what": "is no operator of a number", "allowed": "equals, at_least"}],
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {"application/json": {"example": _SHAPE}}}
    for status, words in {
        401: "Nobody is known", 403: "The caller may not", 404: "There is no such thing",
        409: "It changed, exists already, or is in use", 422: "A field is wrong", 503: "Nothing has been published yet",
    }.items()
}  # fmt: skip
LONGEST_VALUE = 80
_EXPECTED = {
    "decimal": "a number, as 1250.50", "float": "a number, as 1.5", "int": "a whole number", "string": "a text",
    "dict": "an object", "model": "an object", "list": "a list", "bool": "true or false",
    "date": "a day, as 2026-03-04", "datetime": "a moment, as 2026-03-15T09:00:00Z",
}  # fmt: skip
_OF_TYPE = re.compile(r"([a-z]+?)(?:_from_datetime|_attributes|_from)?_(?:type|parsing|float|inexact)")
_IN_WORDS = {
    "extra_forbidden": "there is no such field", "missing": "it is missing",
    "string_pattern_mismatch": "it has another form",
}  # fmt: skip


class StrictRequest(Request):
    """A request whose JSON is read strictly: UTF-8, no NaN, no lone surrogates, no nesting without end, no U+0000."""

    async def json(self) -> Any:
        """The body.

        Raises:
            orjson.JSONDecodeError: it is not JSON; FastAPI makes a fault of it, and of any other error a bare refusal.
        """
        body = await self.body()
        read = orjson.loads(body)
        if b"\\u0000" in body and "\x00" in _texts(read):
            raise orjson.JSONDecodeError("it holds the sign U+0000, which no text may", "", 0)
        return read


def _texts(read: Any) -> str:
    """All texts of what was read, one after the other."""
    if isinstance(read, dict):
        return "".join(f"{name}{_texts(value)}" for name, value in read.items())
    return "".join(map(_texts, read)) if isinstance(read, list) else read if isinstance(read, str) else ""


class Door(APIRoute):
    """A route that answers our errors, and faults in the request, in one shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of FastAPI, with our errors turned into answers."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(StrictRequest(request.scope, request.receive))
            except RequestValidationError as error:
                return _as_answer(error, self)
            except tuple(kind for kind, _ in STATUS) as error:
                return refusal(error)

        return answer


def refusal(error: DmatError) -> JSONResponse:
    """The answer to one of our errors."""
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    faults = faults_of(error) if isinstance(error, InvalidInputError) else []
    return JSONResponse({"detail": str(error), "faults": faults}, status)


def faults_of(error: InvalidInputError) -> list[dict[str, str]]:
    """What is wrong with an input, each fault by its place."""
    if isinstance(error, InvalidRuleError):
        return [fault(*found) for found in error.faults[:MOST_FAULTS]]
    return [fault(error.field, error.problem, error.allowed)]


def fault(path: str, what: str, allowed: str = "") -> dict[str, str]:
    """One fault as it is answered."""
    return {"path": path, "what": what, "allowed": allowed}


def _as_answer(error: RequestValidationError, route: APIRoute) -> JSONResponse:
    listed = [_named(item) for item in error.errors()[:MOST_FAULTS]]
    found = [fault(path_of(item["loc"]), _what(item), _allowed(item, route)) for item in listed]
    if len(found) == 1 and found[0]["path"] == "" and isinstance(listed[0].get("input"), bytes):
        raise HTTPException(415, "send JSON, with the header `Content-Type: application/json`")
    first = found[0]
    allowed = f" (allowed: {first['allowed']})" if first["allowed"] else ""
    return JSONResponse({"detail": f"{first['path'] or 'body'}: {first['what']}{allowed}", "faults": found}, 422)


def _named(item: dict[str, Any]) -> dict[str, Any]:
    """A fault of the whole body is at no field, whatever the sign at which it could not be read on."""
    if item.get("type") != "json_invalid":
        return item
    why = (item.get("ctx") or {}).get("error", "")
    return {"type": "json_invalid", "loc": ("body",), "msg": f"it is not JSON: {why} at character {item['loc'][-1]}"}


def _what(item: dict[str, Any]) -> str:
    """What is wrong, without the signs of a pattern."""
    if str(item.get("type", "")) == "value_error":
        return str(item["msg"]).removeprefix("Value error, ")
    return _IN_WORDS.get(str(item.get("type", "")), str(item["msg"]))


def path_of(location: Sequence[Any]) -> str:
    """`("body", "rule", "where", "all", 1)` as `rule.where.all[1]`; which of several types was tried is no place."""
    steps = location[1:] if location[:1] in [("body",), ("query",), ("path",)] else location
    return "".join(_steps(steps[:-1] if len(steps) > 1 and steps[-1] in ("int", "str") else steps))


def _steps(location: Iterable[Any]) -> Iterable[str]:
    for number, step in enumerate(location):
        yield f"[{step}]" if isinstance(step, int) else f"{'.' if number else ''}{step}"


def _allowed(item: dict[str, Any], route: APIRoute) -> str:
    context = item.get("ctx") or {}
    kind = str(item.get("type", ""))
    if kind in {"literal_error", "enum"}:
        return str(context.get("expected", ""))
    if kind == "extra_forbidden":
        return allowed_fields(route, item["loc"])
    if kind in _IN_WORDS and (said := purpose(route, item["loc"])):
        return said
    if (typed := _OF_TYPE.fullmatch(kind)) and typed[1] in _EXPECTED:
        return _EXPECTED[typed[1]]
    if limits := limits_of(context):
        return limits
    return ", ".join(f"{name.replace('_', ' ')} {value}"[:LONGEST_VALUE] for name, value in context.items()
                     if isinstance(value, (int, float, str)))  # fmt: skip
