"""Reading a request's body within limits, unpacked when it came packed.

Belongs here: that. Stays out: what is in it.
"""

from __future__ import annotations

import time
import zlib

from fastapi import Request

from dmat.channels.signatures import WebhookRequest
from dmat.errors import InvalidInputError
from dmat.settings import Settings

LARGEST_BODY = 5 * 1024 * 1024
LARGEST_FORM = 100 * 1024


class TooLargeError(InvalidInputError):
    """The body is larger than the door takes; `beginning` is what was read of it."""

    def __init__(self, beginning: bytes, size: int, limit: int) -> None:
        self.beginning, self.size = beginning, size
        super().__init__("body", f"it is larger than {limit} bytes")


async def read_body(request: Request, limit: int = LARGEST_BODY) -> bytes:
    """The body as it was sent.

    Raises:
        TooLargeError: it is longer than `limit`; reading stops there.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > limit:
            raise TooLargeError(b"".join(parts)[: 64 * 1024], size, limit)
    return b"".join(parts)


def unpack(body: bytes, encoding: str, limit: int = LARGEST_BODY) -> bytes:
    """The body as its sender wrote it: `gzip` is unpacked, up to `limit` bytes.

    Raises:
        TooLargeError: it unpacks to more than that (a gzip bomb).
        InvalidInputError: it cannot be unpacked, or is packed in another way.
    """
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise InvalidInputError("content-encoding", f"{encoding[:40]!r} is not understood", "gzip")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidInputError("body", f"it cannot be unpacked ({error})") from None
    if len(text) > limit:
        raise TooLargeError(text[: 64 * 1024], len(text), limit)
    if not unpacker.eof:
        raise InvalidInputError("body", "it ends too early")
    return text


def as_webhook(settings: Settings, provider: str, request: Request, body: bytes) -> WebhookRequest:
    """A request as the signatures see it: under the address that the vendor was given."""
    query = f"?{request.url.query}" if request.url.query else ""
    return WebhookRequest(
        provider=provider,
        method=request.method,
        url=f"{settings.resolved_public_url.rstrip('/')}{request.url.path}{query}",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        received_epoch=time.time(),
    )
