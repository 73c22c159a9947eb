"""Endpoints: the addresses that users set up, which events they get, their secrets.

Belongs here: making, changing, listing, rotating, switching off. Stays out: what is sent (`outbox.py`) and when
(`delivering.py`). A secret is shown once and kept encrypted under the workspace's key; after a rotation the old one
signs beside the new one for a day.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.messages.links import link_key
from dmat.outgoing.kinds import KINDS, is_wanted
from dmat.outgoing.signing import check_address, new_secret
from dmat.settings import Settings
from dmat.store.engine import Store, rows_of
from dmat.store.web_tables import webhook_endpoints
from dmat.store.workspace_values import write_audit

OLD_SECRET_FOR = timedelta(days=1)
MOST_ENDPOINTS, LONGEST_URL = 50, 2000


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it is listed: never its secret."""

    endpoint_id: str
    name: str
    url: str
    events: tuple[str, ...]
    is_active: bool
    disabled_because: str
    failing_since: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime

    def wants(self, kind: str) -> bool:
        """Whether it gets events of this kind."""
        return is_wanted(self.events, kind)


_COLUMNS = [webhook_endpoints.c[name] for name in Endpoint.__dataclass_fields__]


class Endpoints:
    """The endpoints of one workspace."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store, self._now = store, settings.clock.now
        self._allows_private = settings.outgoing_webhook_allows_private
        key = hmac.new(link_key(settings), b"webhook secrets", hashlib.sha256).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def create(self, name: str, url: str, events: Sequence[str], by: str) -> tuple[Endpoint, str]:
        """A new endpoint and its secret, which nobody can read again.

        Raises:
            InvalidInputError: a field that cannot be, or too many endpoints. ConflictError: the name is taken.
        """
        now, secret = self._now(), new_secret()
        row = {
            "endpoint_id": str(uuid.uuid4()), "name": _name(name), "url": self._url(url), "events": _events(events),
            "secret": self._fernet.encrypt(secret.encode()).decode(), "created_at": now, "created_by": by,
            "updated_at": now,
        }  # fmt: skip
        with self._store.write() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(webhook_endpoints)).scalar_one()
            if count >= MOST_ENDPOINTS:
                raise InvalidInputError("endpoint", "there are too many", f"at most {MOST_ENDPOINTS}")
            _write(connection, sa.insert(webhook_endpoints).values(row), str(row["name"]))
            write_audit(connection, now, by, "webhook endpoint added", str(row["name"]), url=url, events=row["events"])
        return self.get(str(row["endpoint_id"])), secret

    def get(self, endpoint_id: str) -> Endpoint:
        """One endpoint.

        Raises:
            NotFoundError: there is none with this id or name.
        """
        table = webhook_endpoints.c
        query = sa.select(*_COLUMNS).where(sa.or_(table.endpoint_id == endpoint_id, table.name == endpoint_id))
        with self._store.read() as connection:
            found = rows_of(connection, query)
        if not found:
            raise NotFoundError(f"there is no webhook endpoint {endpoint_id[:80]}")
        return _endpoint(found[0])

    def all(self) -> list[Endpoint]:
        """All endpoints, by name."""
        with self._store.read() as connection:
            return [
                _endpoint(row) for row in rows_of(connection, sa.select(*_COLUMNS).order_by(webhook_endpoints.c.name))
            ]

    def troubled(self) -> list[Endpoint]:
        """Those that were switched off by themselves, or have been failing for a while, by name."""
        return [each for each in self.all() if each.failing_since or (each.disabled_because and not each.is_active)]

    def change(self, endpoint_id: str, by: str, **changes: Any) -> Endpoint:
        """Change `name`, `url`, `events` or `is_active`; switching it on forgets why it was off.

        Raises:
            NotFoundError: no such endpoint. InvalidInputError: a field that cannot be. ConflictError: name taken.
        """
        found, now = self.get(endpoint_id), self._now()
        readers: dict[str, Callable[[Any], Any]] = {
            "name": _name, "url": self._url, "events": _events, "is_active": bool,
        }  # fmt: skip
        values = {name: readers[name](value) for name, value in changes.items() if value is not None}
        if values.get("is_active"):
            values |= {"disabled_because": "", "failing_since": None}
        if values:
            self._set(found, values, now, by, "webhook endpoint changed")
        return self.get(found.endpoint_id)

    def rotate(self, endpoint_id: str, by: str) -> str:
        """A new secret; the old one signs beside it for a day.

        Raises:
            NotFoundError: no such endpoint.
        """
        found, now, secret = self.get(endpoint_id), self._now(), new_secret()
        values = {
            "secret": self._fernet.encrypt(secret.encode()).decode(), "old_secret": webhook_endpoints.c.secret,
            "old_secret_until": now + OLD_SECRET_FOR,
        }  # fmt: skip
        self._set(found, values, now, by, "webhook secret rotated")
        return secret

    def remove(self, endpoint_id: str, by: str) -> None:
        """Take an endpoint away, with what waits for it.

        Raises:
            NotFoundError: no such endpoint.
        """
        found, now = self.get(endpoint_id), self._now()
        with self._store.write() as connection:
            is_it = webhook_endpoints.c.endpoint_id == found.endpoint_id
            connection.execute(sa.delete(webhook_endpoints).where(is_it))
            write_audit(connection, now, by, "webhook endpoint removed", found.name)

    def secrets_of(self, row: Any) -> list[str]:
        """The secrets that sign now, from a row with `secret`, `old_secret` and `old_secret_until`."""
        kept = [row["secret"]]
        if row["old_secret"] and row["old_secret_until"] is not None and row["old_secret_until"] > self._now():
            kept.append(row["old_secret"])
        return [self._fernet.decrypt(each.encode()).decode() for each in kept]

    def _set(self, found: Endpoint, values: dict[str, Any], now: datetime, by: str, action: str) -> None:
        shown = {name: value for name, value in values.items() if name in {"name", "url", "events", "is_active"}}
        with self._store.write() as connection:
            query = sa.update(webhook_endpoints).where(webhook_endpoints.c.endpoint_id == found.endpoint_id)
            _write(connection, query.values(**values, updated_at=now), str(values.get("name", found.name)))
            write_audit(connection, now, by, action, found.name, **shown)

    def _url(self, url: str) -> str:
        if len(url) > LONGEST_URL:
            raise InvalidInputError("url", "it is too long", f"{LONGEST_URL} characters")
        check_address(url, self._allows_private)
        return url


def _write(connection: Connection, statement: Any, name: str) -> None:
    try:
        connection.execute(statement)
    except IntegrityError:
        raise ConflictError(f"there is an endpoint {name} already") from None


def _name(name: str) -> str:
    if not 1 <= len(name.strip()) <= 200:
        raise InvalidInputError("name", "it is empty or too long", "1 to 200 characters")
    return name.strip()


def _events(events: Sequence[str]) -> list[str]:
    groups = {f"{kind.split('.')[0]}.*" for kind in KINDS if "." in kind}
    unknown = sorted(set(events) - set(KINDS) - groups - {"*"})
    if unknown or not events:
        problem = f"{unknown[0][:60]!r} is unknown" if unknown else "there is none"
        raise InvalidInputError("events", problem, ", ".join([*KINDS, *sorted(groups), "*"]))
    return sorted(set(events))


def _endpoint(row: dict[str, Any]) -> Endpoint:
    return Endpoint(**(row | {"events": tuple(row["events"])}))
