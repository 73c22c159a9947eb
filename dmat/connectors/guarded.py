"""Calling addresses that people typed: never into our own network, never for long, never for much.

Belongs here: a client that looks where a name leads before it connects, and connects just there. Stays out: what is
said (`dmat/channels/webhook.py`, and whoever else calls an address that is not a vendor's).

A name is resolved once, every address that it has must be public, and the connection goes to the address that was
looked at, so that a name which answers differently the second time gains nothing. Redirects that keep method and body
(307, 308) are followed three times at most, each looked at in the same way; others are left to the caller as they are.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx

from dmat.channels.addresses import is_valid_web_address
from dmat.errors import InvalidInputError

MOST_REDIRECTS, LARGEST_ANSWER, LONGEST_SECONDS = 3, 64 * 1024, 20.0
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
CARRY_ON = (307, 308)
INTO_IPV4 = tuple(ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))
Resolver = Callable[[str, int], list[str]]


def is_public(address: str) -> bool:
    """Whether an IP address is in the open internet, also behind the ways of writing IPv4 into IPv6."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif any(found in net for net in INTO_IPV4):
            return False
    return found.is_global and not found.is_multicast


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system knows them.

    Raises:
        httpx.ConnectError: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"{host} has no address: {type(error).__name__}") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedTransport(httpx.BaseTransport):
    """Looks where each request leads; connects to what it looked at.

    Args:
        allows_private: addresses inside this network are called too (development).
        inner: what carries requests; httpx's own by default.
        resolver: name and port -> addresses (tests replace it).

    Raises (from requests):
        InvalidInputError: the address is none, or it leads into our own network.
    """

    def __init__(
        self, allows_private: bool = False, inner: httpx.BaseTransport | None = None, resolver: Resolver = resolve
    ) -> None:
        self._allows_private, self._resolve = allows_private, resolver
        self._inner = inner or httpx.HTTPTransport(trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request, and follow where it is sent on to."""
        deadline = time.monotonic() + LONGEST_SECONDS
        for _ in range(MOST_REDIRECTS):
            response = self._inner.handle_request(self._pinned(request))
            target = response.headers.get("Location", "") if response.status_code in CARRY_ON else ""
            if not target:
                return _capped(response, deadline)
            response.close()
            request = _sent_on(request, target)
        return _capped(self._inner.handle_request(self._pinned(request)), deadline)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()

    def _pinned(self, request: httpx.Request) -> httpx.Request:
        """The same request to the address that was looked at; name and certificate stay those of the host."""
        if not is_valid_web_address(str(request.url)):
            raise InvalidInputError("url", "is not a web address that may be called", "https://host/path")
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        addresses = self._resolve(host, port)
        if not self._allows_private and not (addresses and all(is_public(address) for address in addresses)):
            raise InvalidInputError("url", f"{host} leads into a private network", "a public address")
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=addresses[0]),
            headers=request.headers,
            content=request.read(),
            extensions={**request.extensions, "sni_hostname": host},
        )
        pinned.headers["Host"] = request.headers.get("Host", host)
        return pinned


def _sent_on(request: httpx.Request, target: str) -> httpx.Request:
    url = request.url.join(target)
    if request.url.scheme == "https" and url.scheme != "https":
        raise InvalidInputError("url", "it sends on to an address that is not encrypted", "https://...")
    headers = [(name, value) for name, value in request.headers.multi_items() if name.lower() != "host"]
    return httpx.Request(
        request.method, url, headers=headers, content=request.read(), extensions=dict(request.extensions)
    )


class _Capped(httpx.SyncByteStream):
    """An answer up to its allowed size and time; what comes after that is not read."""

    def __init__(self, inner: httpx.SyncByteStream, deadline: float) -> None:
        self._inner, self._deadline = inner, deadline

    def __iter__(self) -> Iterator[bytes]:
        left = LARGEST_ANSWER
        for part in self._inner:
            yield part[:left]
            left -= len(part)
            if left <= 0 or time.monotonic() > self._deadline:
                return

    def close(self) -> None:
        self._inner.close()


def _capped(response: httpx.Response, deadline: float) -> httpx.Response:
    """The same answer, cut short; packed answers are not unpacked, for a small one may become a large one."""
    inner = response.stream
    assert isinstance(inner, httpx.SyncByteStream)  # noqa: S101 - a sync transport gives nothing else
    left_out = {"content-length", "content-encoding", "transfer-encoding"}
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in left_out]
    return httpx.Response(
        response.status_code, headers=headers, stream=_Capped(inner, deadline), extensions=response.extensions
    )


def guarded_client(allows_private: bool = False) -> httpx.Client:
    """A client for addresses that people typed; it follows no redirects by itself and knows no proxies."""
    return httpx.Client(transport=GuardedTransport(allows_private), timeout=TIMEOUT, trust_env=False)
