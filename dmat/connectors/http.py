"""One way to speak HTTP to vendors: what is repeated, how long we wait, and what each failure means.

Belongs here: retries of transient failures, Retry-After, the mapping of failures to `dmat/errors.py`, and hiding keys.
Stays out: addresses and payloads of vendors (one file each).

    reading (`read`, `read_json`)            sending (`send`), never repeated here
    nobody listens     -> unreachable, again once -> unreachable: nothing has left
    no connection      -> unavailable, again   -> unavailable: nothing has left
    time-out, cut      -> unavailable, again   -> ambiguous: it may have been carried out
    429, 503 + Retry-After -> rate limited, again -> rate limited: nothing was done
    500, 503           -> unavailable, again   -> unavailable: the vendor says it did not
    408, other 5xx     -> unavailable, again   -> ambiguous: a gateway cannot know
    other 3xx, 4xx     -> refused              -> refused
"""

from __future__ import annotations

import random
import re
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar

import httpx
import orjson
from pydantic import SecretStr

from dmat.errors import (
    AmbiguousError,
    InvalidInputError,
    RateLimitedError,
    TransientError,
    VendorRefusedError,
    VendorUnavailableError,
    VendorUnreachableError,
)

TIMEOUT = httpx.Timeout(30.0, connect=5.0, pool=10.0)
_DID_NOTHING = (500, 503)
T = TypeVar("T")


@dataclass(frozen=True)
class Retry:
    """How often a reading is tried, and how long it may wait in all (seconds)."""

    attempts: int = 6
    attempts_unreachable: int = 2  # nobody listens: waiting seldom helps, and all that comes after it waits too
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30.0
    longest_total_seconds: float = 180.0


class VendorHttp:
    """HTTP with one vendor; safe to share between threads.

    Args:
        vendor: name used in errors.
        base_url: address without trailing slash.
        headers: sent with every request.
        auth: user and password, for vendors that use basic authentication; or what signs a request.
        secrets: what must never show in an error.
        client: an httpx client to use in place of our own (tests).
        retry: how reading is repeated.
        sleep: waits so many seconds (tests replace it).
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | httpx.Auth | None = None,
        secrets: Sequence[SecretStr] = (),
        client: httpx.Client | None = None,
        retry: Retry | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.vendor, self.base_url = vendor, base_url.rstrip("/")
        self.retry, self.sleep = retry or Retry(), sleep
        self._headers = {"User-Agent": "dmat", **(headers or {})}
        self._auth = httpx.BasicAuth(*auth) if isinstance(auth, tuple) else auth
        self._secrets = [s.get_secret_value() for s in secrets if s.get_secret_value()]
        self._client = client or httpx.Client(timeout=TIMEOUT, verify=_certificates())
        self._random = random.Random()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def read_json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        check: Callable[[Any], None] | None = None,
    ) -> Any:
        """The decoded answer of a request that changes nothing; `check` may raise to have it repeated.

        Raises:
            VendorRefusedError: 4xx.
            VendorUnavailableError, RateLimitedError: still so after the last attempt.
        """

        def attempt() -> Any:
            body = self._decode(self._exchange(method, path, params, json, may_act=False))
            if check is not None:
                check(body)
            return body

        return self._repeat(attempt)

    def read(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, json: Any = None
    ) -> tuple[Any, httpx.Headers]:
        """Like `read_json`, with the headers of the answer (some vendors page by them)."""

        def attempt() -> tuple[Any, httpx.Headers]:
            response = self._exchange(method, path, params, json, may_act=False)
            return self._decode(response), response.headers

        return self._repeat(attempt)

    def send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Ask the vendor to do something, once, with JSON, a form or bytes; `headers` go with this request only.

        Raises:
            VendorUnavailableError, RateLimitedError: nothing was done; it may be tried again.
            AmbiguousError: it may have been done; never repeat it blindly.
            VendorRefusedError: 4xx, nothing was done.
        """
        return self._exchange(method, path, None, json, may_act=True, form=form, content=content, headers=headers)

    def _repeat(self, attempt: Callable[[], T]) -> T:
        waited = 0.0
        for number in range(1, self.retry.attempts + 1):
            try:
                return attempt()
            except TransientError as error:
                wait = self._wait(number, error)
                if number >= self._attempts(error) or waited + wait > self.retry.longest_total_seconds:
                    raise
                self.sleep(wait)
                waited += wait
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _attempts(self, error: TransientError) -> int:
        unreachable = isinstance(error, VendorUnreachableError)
        return min(self.retry.attempts, self.retry.attempts_unreachable) if unreachable else self.retry.attempts

    def _wait(self, number: int, error: TransientError) -> float:
        backoff = min(self.retry.longest_wait_seconds, self.retry.first_wait_seconds * 2.0 ** (number - 1))
        backoff *= self._random.uniform(0.5, 1.0)
        if isinstance(error, RateLimitedError):
            return max(error.retry_after_seconds, backoff if error.retry_after_seconds <= 0 else 0.0)
        return backoff

    def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        json: Any,
        may_act: bool,
        form: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        sent = {**self._headers, **(headers or {})}
        if json is not None:
            content, sent["Content-Type"] = orjson.dumps(json), "application/json"
        url = self.base_url + path
        try:
            response = self._client.request(
                method, url, params=params, content=content, data=form, headers=sent, auth=self._auth
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            kind = VendorUnreachableError if _is_refused(error) else VendorUnavailableError
            raise kind(f"{self.vendor} cannot be reached: {self.hide(str(error))}") from None
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise InvalidInputError(f"{self.vendor} settings", "address or key cannot be put in a request") from None
        except httpx.TransportError as error:
            what = f"{self.vendor}: {type(error).__name__} after the request had left"
            raise (AmbiguousError(what) if may_act else VendorUnavailableError(what)) from None
        self._judge(response, may_act)
        return response

    def _judge(self, response: httpx.Response, may_act: bool) -> None:
        status = response.status_code
        if response.is_success:
            return
        asked = seconds_asked(response)
        if status == 429 or (status == 503 and asked is not None):
            raise RateLimitedError(self.vendor, asked or 0.0)
        if status >= 500 or status == 408:
            what = f"{self.vendor} answered {status}"
            raise AmbiguousError(what) if may_act and status not in _DID_NOTHING else VendorUnavailableError(what)
        raise VendorRefusedError(self.vendor, status, self.hide(" ".join(self.explain(response).split()))[:300])

    def explain(self, response: httpx.Response) -> str:
        """Why a request was refused, in the vendor's words; a vendor may have more to say than its body."""
        return response.text

    def _decode(self, response: httpx.Response) -> Any:
        try:
            return orjson.loads(response.content)
        except orjson.JSONDecodeError:
            raise VendorUnavailableError(f"{self.vendor} answered something that is not JSON") from None

    def hide(self, text: str) -> str:
        """`text` without our keys."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return re.sub(r"(?i)\b(bearer|basic)\s+[\w.+/=~-]{8,}", r"\1 ***", text)


@cache
def _certificates() -> ssl.SSLContext:
    """Whom we trust; reading it takes longer than many requests, so all vendors share it."""
    return httpx.create_ssl_context()


def _is_refused(error: BaseException | None) -> bool:
    """Whether the other machine said at once that nobody listens."""
    while error is not None and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None


def seconds_asked(response: httpx.Response) -> float | None:
    """Seconds the vendor asks to wait (`Retry-After` as seconds or date, or `X-RateLimit-Reset`); None: not said."""
    asked: str = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", asked):
        return float(asked)
    if asked:
        try:
            moment = parsedate_to_datetime(asked)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - time.time())
    reset: str = response.headers.get("X-RateLimit-Reset", "")
    if response.status_code == 429 and reset.isdigit():
        return max(0.0, float(reset) - time.time())
    return None
