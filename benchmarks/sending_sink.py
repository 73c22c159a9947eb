"""A provider on loopback that takes everything and counts recipients: HTTP as SendGrid's v3, or SMTP.

Belongs here: only what runs in the sink's own process. Stays out: what is sent to it (`sending.py`).
It prints its port; `GET /` answers how many recipients it has taken (SMTP: asked by HTTP too, on the port after).

    python -m benchmarks.sending_sink http
    python -m benchmarks.sending_sink smtp
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

LARGEST = 64_000_000
MARK = b'"dmat_message_id":"'


class Count:
    """Recipients taken."""

    taken = 0


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Requests of one connection, one after the other."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            body = await reader.readexactly(min(length, LARGEST))
            Count.taken += body.count(MARK)
            said = str(Count.taken).encode() if head.startswith(b"GET") else b""
            status = b"200 OK" if said else b"202 Accepted"
            writer.write(
                b"HTTP/1.1 %s\r\nX-Message-Id: m%d\r\nContent-Length: %d\r\n\r\n%s"
                % (status, Count.taken, len(said), said)
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


class Mailbox:
    """What aiosmtpd asks for each mail."""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take it."""
        Count.taken += len(envelope.rcpt_tos)
        return "250 taken"


async def serve(kind: str) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=LARGEST)
    ports = [server.sockets[0].getsockname()[1]]
    if kind == "smtp":
        from aiosmtpd.smtp import SMTP

        mails = await asyncio.get_running_loop().create_server(
            lambda: SMTP(Mailbox(), hostname="localhost"), "127.0.0.1", 0
        )
        ports.append(mails.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
