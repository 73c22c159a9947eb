"""Many HTTP requests on a few open connections, prepared as bytes, so that the client costs next to nothing.

Belongs here: sending prepared requests as fast as they are answered, or at a steady rate. Stays out: what is measured
(`benchmarks/webhooks.py`, `benchmarks/clicks.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Answers:
    """How each request was answered: its status, and seconds until its last byte."""

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    wall_s: float = 0.0


def as_bytes(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """One request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Line:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> int:
        """Send one request, read its answer, give the status."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        await self._reader.readexactly(length)
        return int(head[9:12])


async def _open(port: int, count: int) -> list[Line]:
    return [Line(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)) for _ in range(count)]


def as_fast_as_answered(port: int, requests: Sequence[bytes], connections: int) -> Answers:
    """All requests over so many connections, each sent when the one before it was answered."""
    return asyncio.run(_fast(port, requests, connections))


async def _fast(port: int, requests: Sequence[bytes], connections: int) -> Answers:
    answers, waiting = Answers(), iter(requests)

    async def work(line: Line) -> None:
        for request in waiting:
            began = time.perf_counter()
            answers.statuses.append(await line.ask(request))
            answers.seconds.append(time.perf_counter() - began)

    lines = await _open(port, connections)
    began = time.perf_counter()
    await asyncio.gather(*(work(line) for line in lines))
    answers.wall_s = time.perf_counter() - began
    return answers


def at_a_rate(port: int, requests: Sequence[bytes], per_second: float, connections: int) -> Answers:
    """Requests at their times, whether or not the ones before are answered; waiting for a free line counts too."""
    return asyncio.run(_steady(port, requests, per_second, connections))


async def _steady(port: int, requests: Sequence[bytes], per_second: float, connections: int) -> Answers:
    answers = Answers()
    free: asyncio.Queue[Line] = asyncio.Queue()
    for line in await _open(port, connections):
        free.put_nowait(line)
    began = time.perf_counter()

    async def send(number: int, request: bytes) -> None:
        due = began + number / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        line = await free.get()
        answers.statuses.append(await line.ask(request))
        answers.seconds.append(time.perf_counter() - due)
        free.put_nowait(line)

    await asyncio.gather(*(send(number, request) for number, request in enumerate(requests)))
    answers.wall_s = time.perf_counter() - began
    return answers
