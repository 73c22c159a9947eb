"""Faults that can be switched on per vendor, for a share of its requests.

Belongs here: lost acknowledgements, 500, 429, slow answers and cut connections. Stays out: what the doors answer when
nothing is wrong. Which request is hit follows from a seed and the order of requests, so a test can be repeated.

    lost_ack   the request is carried out, then the connection is closed without an answer
    500, 429   nothing is done; the vendor's own error is answered
    slow       the answer comes `seconds` late
    cut        a write is closed before anything is done; a read breaks off in the middle of its answer
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dmat.errors import InvalidInputError
from dmat.settings import VENDORS
from dmat.simulate.vendors.door import Door

KINDS = ("lost_ack", "500", "429", "slow", "cut")
#: POST requests that change nothing: a query is sent in their body
READING_POSTS = ("/graphql.json", "/search", ":runReport")


@dataclass
class Fault:
    """One fault: on which vendor and which of its paths, how often, and how long a slow answer takes."""

    vendor: str
    kind: str
    share: float
    path: str = ""
    seconds: float = 3.0
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def strikes(self, vendor: str, path: str) -> bool:
        """Whether this request is hit; draws only for requests that the fault is about."""
        if self.vendor not in (vendor, "all") or self.path not in path:
            return False
        return self.dice.random() < self.share


class Faults:
    """The faults that are on, and how often each has struck."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.struck: Counter[str] = Counter()

    def switch(self, asked: dict[str, Any]) -> None:
        """Switch a fault on, in place of the same one; a share of 0 switches it off."""
        fault = read_fault(asked)
        self.active = [one for one in self.active if (one.vendor, one.kind, one.path) != _key(fault)]
        if fault.share > 0:
            self.active.append(fault)

    def clear(self) -> None:
        """Switch everything off."""
        self.active = []

    def draw(self, vendor: str, path: str) -> Fault | None:
        """The fault that strikes this request, if any."""
        for fault in self.active:
            if fault.strikes(vendor, path):
                self.struck[f"{vendor}.{fault.kind}"] += 1
                return fault
        return None


def _key(fault: Fault) -> tuple[str, str, str]:
    return fault.vendor, fault.kind, fault.path


def read_fault(asked: dict[str, Any]) -> Fault:
    """A fault from the control door's JSON.

    Raises:
        InvalidInputError: unknown vendor or kind, or a share outside 0 to 1.
    """
    vendor, kind, share = str(asked.get("vendor", "")), str(asked.get("kind", "")), asked.get("share", 1.0)
    known = (*VENDORS, "salesforce", "all")
    if vendor not in known:
        raise InvalidInputError("vendor", f"{vendor!r} is not simulated", ", ".join(known))
    if kind not in KINDS:
        raise InvalidInputError("kind", f"{kind!r} is not a fault", ", ".join(KINDS))
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise InvalidInputError("share", f"{share!r} is not a share", "0 to 1")
    return Fault(vendor, kind, float(share), str(asked.get("path", "")), float(asked.get("seconds", 3.0)),
                 random.Random(int(asked.get("seed", 7))))  # fmt: skip


class FaultyNetwork:
    """Outermost layer of the server: lets a request through, or does to it what a fault says."""

    def __init__(self, app: ASGIApp, faults: Faults, doors: dict[str, Door]) -> None:
        self.app, self.faults, self.doors = app, faults, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        vendor = path.split("/", 2)[1]
        fault = self.faults.draw(vendor, path) if vendor in self.doors else None
        if fault is None:
            await self.app(scope, receive, send)
        elif fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            await self.app(scope, receive, send)
        elif fault.kind == "lost_ack":
            await self.app(scope, receive, _swallow)
            await close_connection(send)
        elif fault.kind == "cut":
            await self._cut(scope, receive, send)
        else:
            door = self.doors[vendor]
            answer = door.refuse_too_many(1.0) if fault.kind == "429" else door.refuse(int(fault.kind))
            await _drain(receive)
            await answer(scope, receive, send)

    async def _cut(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET" or scope["path"].endswith(READING_POSTS):

            async def send_half(message: Message) -> None:
                if message["type"] == "http.response.body":
                    half = message.get("body", b"")
                    message = {**message, "body": half[: len(half) // 2], "more_body": True}
                await send(message)

            await self.app(scope, receive, send_half)
        await close_connection(send)


async def _swallow(message: Message) -> None:
    """An answer that never leaves."""


async def _drain(receive: Receive) -> None:
    """Read the request's body, so that the connection can be used again."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


async def close_connection(send: Send) -> None:
    """Close the client's connection here and now, without (the rest of) an answer."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionAbortedError("the connection is cut")
    transport.abort()
    await asyncio.sleep(0.01)  # the server notices that the client is gone, and adds no error of its own
