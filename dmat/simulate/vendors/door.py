"""What every vendor's door has in common: keys are checked, then limits, then the request is answered.

Belongs here: the order of those checks and the JSON answers. Stays out: anything that differs between vendors.
"""

from __future__ import annotations

import base64
import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.clock import as_utc
from dmat.settings import Settings
from dmat.simulate.records import Records
from dmat.simulate.vendors.limits import Buckets, retry_after

if TYPE_CHECKING:
    from dmat.simulate.world import World

Handler = Callable[[Request, bytes], Response]


@dataclass
class Office:
    """What the doors share: settings with the keys, the records, the living world, the buckets."""

    settings: Settings
    records: Records
    world: World
    buckets: Buckets = field(default_factory=Buckets)

    def now(self) -> datetime:
        """The company's time, UTC without zone."""
        return self.settings.clock.now()


class JsonResponse(Response):
    """JSON by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body."""
        return orjson.dumps(content)


def json_text(body: bytes | str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer whose JSON is already text."""
    return Response(body, status, dict(headers or {}), "application/json")


class Door(ABC):
    """One vendor: its routes, its keys, its limits, its way of saying no."""

    name: str

    def __init__(self, office: Office) -> None:
        self.office = office

    @abstractmethod
    def routes(self) -> list[Route]:
        """The vendor's paths, without the vendor's prefix."""

    @abstractmethod
    def is_authentic(self, request: Request) -> bool:
        """Whether the request carries the right key."""

    @abstractmethod
    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """An error in the vendor's own format (401, 404, 429, 500 ...)."""

    def refuse_too_many(self, seconds: float) -> Response:
        """The vendor's answer to too many requests."""
        return self.refuse(429, headers={"Retry-After": str(retry_after(seconds))})

    def route(self, path: str, handler: Handler, methods: tuple[str, ...] = ("GET",), bucket: str = "") -> Route:
        """A guarded route: key, then limit, then `handler` in a thread."""

        async def endpoint(request: Request) -> Response:
            if not self.is_authentic(request):
                return self.refuse(401)
            wait = self.office.buckets[bucket or self.name].take()
            if wait:
                return self.refuse_too_many(wait)
            return await run_in_threadpool(handler, request, await request.body())

        return Route(path, endpoint, methods=list(methods))


def same(given: str, expected: str) -> bool:
    """Whether a key is the right one, compared in constant time; an empty key is never right."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def bearer(request: Request) -> str:
    """The token of an `Authorization: Bearer` header, or nothing."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def basic(request: Request) -> tuple[str, str]:
    """Name and password of an `Authorization: Basic` header, or two empty texts."""
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password


def read_moment(text: str) -> datetime:
    """An ISO moment, with or without zone -> UTC without zone; ValueError when it is none."""
    return as_utc(datetime.fromisoformat(text.strip()))


def whole(text: str | None, default: int, low: int, high: int) -> int:
    """A whole number from a query parameter, held between two bounds; ValueError when it is none."""
    return max(low, min(high, int(text))) if text else default
