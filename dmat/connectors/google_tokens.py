"""Access tokens of a Google service account: fetched with its key, kept until they are about to end.

Belongs here: what FCM and the Data Manager API have in common. Stays out: what the tokens are used for.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
from google.auth import exceptions
from google.auth.transport import Request, Response
from google.oauth2 import service_account

from dmat.connectors.http import TIMEOUT
from dmat.errors import InvalidInputError, VendorRefusedError, VendorUnavailableError


class _Answer(Response):
    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.content


class _Transport(Request):
    """How google-auth speaks HTTP here."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **_: Any
    ) -> _Answer:
        try:
            return _Answer(self._client.request(method, url, content=body, headers=headers))
        except httpx.HTTPError as error:
            raise exceptions.TransportError(type(error).__name__) from None  # type: ignore[no-untyped-call]


class ServiceAccount:
    """One key; safe to share between threads.

    Args:
        vendor: name used in errors.
        field: the setting that names the file, used in errors.
        path: file with the key (JSON), as Google gives it.
        scope: what the token is good for.
        client: an httpx client to use in place of our own (tests).

    Raises:
        InvalidInputError: the file cannot be read or is not such a key.
    """

    def __init__(self, vendor: str, field: str, path: str, scope: str, client: httpx.Client | None = None) -> None:
        self._vendor, self._lock = vendor, threading.Lock()
        self._client = client or httpx.Client(timeout=TIMEOUT)
        try:
            key = orjson.loads(Path(path).read_bytes())
            self.project = str(key.get("project_id", ""))
            made = service_account.Credentials.from_service_account_info(key, scopes=[scope])  # type: ignore[no-untyped-call]
        except (OSError, ValueError, AttributeError, exceptions.GoogleAuthError) as error:
            problem = f"cannot be read as the key of a service account: {type(error).__name__}"
            raise InvalidInputError(field, problem) from None
        self._credentials = made

    def token(self) -> str:
        """A token that is good for some minutes at least.

        Raises:
            VendorUnavailableError: Google could not be reached; nothing was done.
            VendorRefusedError: the key is not taken (401).
        """
        with self._lock:
            if not self._credentials.valid:
                self._refresh()
            return str(self._credentials.token)

    def forget(self) -> None:
        """Throw the token away: it was not taken."""
        with self._lock:
            self._credentials.token = None

    def _refresh(self) -> None:
        try:
            self._credentials.refresh(_Transport(self._client))
        except exceptions.TransportError as error:
            raise VendorUnavailableError(f"{self._vendor}: no token could be fetched: {error}") from None
        except exceptions.RefreshError as error:
            if error.retryable:
                raise VendorUnavailableError(f"{self._vendor}: no token could be fetched now") from None
            raise VendorRefusedError(self._vendor, 401, "the key of the service account is not taken") from None

    def close(self) -> None:
        """Close connections."""
        self._client.close()
