"""SMTP: hands e-mails over to a relay, over connections that are kept, each mail at most once.

Belongs here: connections, and what the relay's replies mean. Stays out: the mail as text (`dmat/channels/mime.py`).

    no connection, no TLS, cut before the mail      unavailable: nothing has left
    421 at any time before the mail                 unavailable
    4xx                                             rate limited: not taken, later; 4xx to the address: deferred
    530, 534, 535, 538; 5xx to our own address      refused with 401 or 403: the account, not the mail
    5xx to the address, with 5.1.x                  dead address
    other 5xx                                       refused
    cut or time-out once DATA was asked for         ambiguous: SMTP cannot be asked, so it is never repeated

All connections live in one event loop in a thread of its own; `send` may be called from any thread.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import urlsplit

import aiosmtplib
from aiosmtplib import SMTPAuthenticationError, SMTPException, SMTPResponseException

from dmat.channels.contract import Abilities, OutgoingMail, Sought
from dmat.channels.email import is_valid_address
from dmat.channels.mime import as_bytes
from dmat.connectors.mail_answers import ACCOUNT_IS_WRONG, one_by_one
from dmat.errors import (
    AmbiguousError,
    DeadAddressError,
    DeferredError,
    InvalidInputError,
    RateLimitedError,
    VendorRefusedError,
    VendorUnavailableError,
    VendorUnreachableError,
)
from dmat.settings import Settings

CONNECT_SECONDS, REPLY_SECONDS, DATA_SECONDS = 10.0, 60.0, 180.0
IDLE_SECONDS = 30.0  # a connection that rested for longer is opened anew
WAIT_SECONDS = 5.0
SIGN_IN = frozenset({530, 534, 535, 538})
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_DEAD = re.compile(r"\b5\.1\.(1|2|3|6|10)\b")


@dataclass(frozen=True)
class Relay:
    """Where mails are handed over, and how."""

    host: str
    port: int
    scheme: str

    @classmethod
    def parse(cls, url: str) -> Relay:
        """Read `DMAT_SMTP_URL`.

        Raises:
            InvalidInputError: it is not such an address.
        """
        try:
            parsed = urlsplit(url)
            port = parsed.port
        except ValueError:
            parsed, port = urlsplit(""), None
        is_bare = parsed.path in ("", "/") and not parsed.query and parsed.username is None
        if parsed.scheme not in PORTS or not parsed.hostname or not is_bare:
            allowed = "smtp://host:587, smtps://host:465 or smtp+plain://host:25, without user and password"
            raise InvalidInputError("DMAT_SMTP_URL", "it is not the address of a relay", allowed)
        return cls(parsed.hostname, port or PORTS[parsed.scheme], parsed.scheme)

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Smtp:
    """Hands over to one relay; safe to share between threads."""

    name = "smtp"
    channel = "email"
    send_batch = one_by_one

    def __init__(self, settings: Settings, *, reply_seconds: float = REPLY_SECONDS, data_seconds: float = DATA_SECONDS):
        if not settings.is_connected("smtp"):
            raise InvalidInputError("DMAT_SMTP_URL", "is not set: no relay is connected")
        self.relay = Relay.parse(settings.smtp_url)
        if settings.smtp_user and self.relay.scheme == "smtp+plain" and not self.relay.is_here:
            raise InvalidInputError("DMAT_SMTP_URL", "a password would travel in the clear", "smtp:// or smtps://")
        self.settings = settings
        self.abilities = Abilities(in_flight=settings.smtp_connections)
        self._reply_seconds, self._data_seconds = reply_seconds, data_seconds
        self._idle: list[tuple[float, aiosmtplib.SMTP]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._turns = asyncio.Semaphore(settings.smtp_connections)

    def send(self, message: OutgoingMail) -> str:
        """Hand over one mail, once, and give the relay's words, which mostly name its queue id.

        Raises:
            VendorUnavailableError, RateLimitedError: it was not accepted; it may be tried again.
            AmbiguousError: it may have been accepted; nobody can be asked.
            DeadAddressError: there is no such address.
            VendorRefusedError: 5xx, the mail or the account (401, 403) is wrong.
        """
        raw = as_bytes(message, self.settings.clock.now())
        sender = self.settings.bounce_email or message.from_email
        if not is_valid_address(sender):
            raise InvalidInputError("DMAT_BOUNCE_EMAIL", f"{sender!r} is no address", "one address")
        if not is_valid_address(message.to_email):
            raise VendorRefusedError(self.name, 501, "the address cannot be put in a command")
        return asyncio.run_coroutine_threadsafe(self._in_turn(sender, message.to_email, raw), self._running()).result()

    def find_message(self, sought: Sought) -> str | None:
        """A relay cannot be asked.

        Raises:
            VendorRefusedError: always.
        """
        raise VendorRefusedError(self.name, 501, "a relay cannot be asked for a message")

    def close(self) -> None:
        """Say goodbye on all connections and end the thread."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._close_all(), loop).result()
            loop.call_soon_threadsafe(loop.stop)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_run_loop, args=(self._loop,), name="smtp", daemon=True).start()
            return self._loop

    async def _close_all(self) -> None:
        idle, self._idle = self._idle, []
        for _, client in idle:
            try:
                await client.quit(timeout=2.0)
            except (SMTPException, OSError):
                client.close()

    async def _in_turn(self, sender: str, to_email: str, raw: bytes) -> str:
        async with self._turns:
            return await self._send(sender, to_email, raw)

    async def _send(self, sender: str, to_email: str, raw: bytes) -> str:
        client, is_kept = await self._connection()
        try:
            try:
                await client.mail(sender, timeout=self._reply_seconds)
            except (SMTPException, OSError) as error:
                if not is_kept or not _is_lost(error):
                    raise
                client.close()  # it went away while it rested; nothing was asked of it yet
                client = await self._connect()
                await client.mail(sender, timeout=self._reply_seconds)
        except SMTPResponseException as error:
            await self._drop(client)
            self._refuse_ours(error)
        except (SMTPException, OSError) as error:
            client.close()
            raise VendorUnavailableError(f"smtp: {_words(error)} before the mail") from None
        return await self._deliver(client, to_email, raw)

    async def _deliver(self, client: aiosmtplib.SMTP, to_email: str, raw: bytes) -> str:
        """Everything after the relay took our address."""
        try:
            await client.rcpt(to_email, timeout=self._reply_seconds)
        except SMTPResponseException as error:
            await self._reset(client)
            self._refuse_theirs(error)
        except (SMTPException, OSError) as error:
            client.close()
            raise VendorUnavailableError(f"smtp: {_words(error)} before the mail") from None
        try:
            response = await client.data(raw, timeout=self._data_seconds)
        except SMTPResponseException as error:
            await self._reset(client)
            self._refuse_mail(error)
        except (SMTPException, OSError) as error:
            client.close()
            raise AmbiguousError(f"smtp: {_words(error)} while the mail left") from None
        self._keep(client)
        return response.message[:200]

    async def _connection(self) -> tuple[aiosmtplib.SMTP, bool]:
        now = asyncio.get_running_loop().time()
        while self._idle:
            rested_at, client = self._idle.pop()
            if client.is_connected and now - rested_at < IDLE_SECONDS:
                return client, True
            client.close()
        return await self._connect(), False

    async def _connect(self) -> aiosmtplib.SMTP:
        client = aiosmtplib.SMTP(
            hostname=self.relay.host, port=self.relay.port, timeout=CONNECT_SECONDS,
            use_tls=self.relay.scheme == "smtps", start_tls=self.relay.scheme == "smtp",
            local_hostname=urlsplit(self.settings.resolved_public_url).hostname or "localhost",
            tls_context=None if self.relay.scheme == "smtp+plain" else self._trust,
        )  # fmt: skip
        await self._opening(client, client.connect())
        if self.settings.smtp_user:
            await self._opening(
                client, client.login(self.settings.smtp_user, self.settings.smtp_password.get_secret_value())
            )
        return client

    async def _opening(self, client: aiosmtplib.SMTP, step: Awaitable[object]) -> None:
        try:
            await step
        except SMTPAuthenticationError as error:
            client.close()
            if error.code < 500:
                raise VendorUnavailableError(f"smtp: sign-in: {_words(error)}") from None
            raise VendorRefusedError(self.name, 401, f"sign-in: {_words(error)}") from None
        except (SMTPException, OSError, ValueError) as error:
            client.close()
            is_refused = isinstance(error.__cause__, ConnectionRefusedError) or "refused" in str(error).lower()
            kind = VendorUnreachableError if is_refused else VendorUnavailableError
            raise kind(f"smtp: {self.relay.host} cannot be reached: {_words(error)}") from None

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.settings.smtp_ca_file or None)

    def _keep(self, client: aiosmtplib.SMTP) -> None:
        if len(self._idle) < self.settings.smtp_connections and client.is_connected:
            self._idle.append((asyncio.get_running_loop().time(), client))
        else:
            client.close()

    async def _reset(self, client: aiosmtplib.SMTP) -> None:
        """After a refusal the connection may be used again, if the relay still speaks."""
        try:
            await client.rset(timeout=2.0)
        except (SMTPException, OSError):
            client.close()
            return
        self._keep(client)

    async def _drop(self, client: aiosmtplib.SMTP) -> None:
        try:
            await client.quit(timeout=2.0)
        except (SMTPException, OSError):
            client.close()

    def _refuse_ours(self, error: SMTPResponseException) -> NoReturn:
        """It does not take our address: not a fault of this mail."""
        self._raise_later(error)
        status = 401 if error.code in SIGN_IN else ACCOUNT_IS_WRONG
        raise VendorRefusedError(self.name, status, f"our address: {_words(error)}") from None

    def _refuse_theirs(self, error: SMTPResponseException) -> NoReturn:
        if 400 <= error.code < 500 and error.code != 421:
            raise DeferredError(f"{self.name} ({_words(error)})", 0.0) from None
        self._raise_later(error)
        if error.code in SIGN_IN:
            raise VendorRefusedError(self.name, 401, _words(error)) from None
        kind = DeadAddressError if _DEAD.search(error.message) else VendorRefusedError
        raise kind(self.name, error.code, _words(error)) from None

    def _refuse_mail(self, error: SMTPResponseException) -> NoReturn:
        if error.code < 400:
            raise AmbiguousError(f"smtp: {_words(error)} after the mail had left") from None
        self._raise_later(error)
        raise VendorRefusedError(self.name, error.code, _words(error)) from None

    def _raise_later(self, error: SMTPResponseException) -> None:
        if error.code == 421 or error.code < 400:
            raise VendorUnavailableError(f"smtp: {_words(error)}") from None
        if error.code < 500:
            raise RateLimitedError(f"{self.name} ({_words(error)})", WAIT_SECONDS) from None


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _is_lost(error: BaseException) -> bool:
    if isinstance(error, SMTPResponseException):
        return error.code == 421
    return isinstance(error, (aiosmtplib.SMTPServerDisconnected, ConnectionError))


def _words(error: BaseException) -> str:
    """What the relay said, in one line."""
    if isinstance(error, SMTPResponseException):
        return " ".join(f"{error.code} {error.message}".split())[:300]
    return " ".join(f"{type(error).__name__} {error}".split())[:300]
