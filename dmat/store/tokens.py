"""Tokens for machines that call the API: shown once, kept as a hash, with scopes and an end.

Belongs here: making, finding, listing and revoking them. Stays out: what a scope allows (`access.py`) and the header
they come in (`apps/api/callers.py`). They live on the system's clock, never on a make-believe one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from dmat.clock import utc
from dmat.errors import InvalidInputError, NotFoundError
from dmat.store.access import Caller, checked_scopes
from dmat.store.engine import Store, rows_of, upsert
from dmat.store.tables import api_tokens
from dmat.store.workspace_values import write_audit

PREFIX = "dmat_"
MACHINE = "token:"
"""How the names of callers with a token begin, in histories and the audit too."""
LONGEST_DAYS = 3650
SEEN_EVERY = timedelta(minutes=1)  # how exactly "last used" is kept: a write for each request would be waste
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


@dataclass(frozen=True)
class ApiToken:
    """A token as it is listed: never the secret itself."""

    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Whether it opens a door."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


_FIELDS = [api_tokens.c[name] for name in ApiToken.__dataclass_fields__]


def create_token(
    store: Store, name: str, scopes: list[str], by: str, days: int | None = None, now: datetime | None = None
) -> str:
    """Make a token and give its secret, which nobody can read again.

    Raises:
        InvalidInputError: a bad or taken name, an unknown scope, or days out of range.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError("name", f"{name[:100]!r} cannot be a name", "a-z, 0-9, - and _, at most 100")
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise InvalidInputError("days", f"{days} is out of range", f"1 to {LONGEST_DAYS}")
    now, secret = now or _system_now(), PREFIX + secrets.token_urlsafe(32)
    row = {
        "name": name, "token_hash": _hash(secret), "scopes": checked_scopes(scopes), "created_at": now,
        "created_by": by, "expires_at": now + timedelta(days=days) if days else None,
    }  # fmt: skip
    with store.write() as connection:
        statement = upsert(connection, api_tokens).values(row).on_conflict_do_nothing(index_elements=["name"])
        if connection.execute(statement.returning(api_tokens.c.name)).scalar() is None:
            raise InvalidInputError("name", f"there is a token {name} already", "a name that is not taken")
        write_audit(connection, now, by, "token created", name, scopes=row["scopes"], days=days)
    return secret


def caller_of_token(store: Store, secret: str, now: datetime | None = None) -> Caller | None:
    """The caller whose secret this is, or None when it is unknown, over or revoked."""
    if not secret.startswith(PREFIX):
        return None
    now = now or _system_now()
    with store.read() as connection:
        query = sa.select(*_FIELDS).where(api_tokens.c.token_hash == _hash(secret))
        row = connection.execute(query).mappings().first()
    token = _token(dict(row)) if row else None
    if token is None or not token.is_valid(now):
        return None
    if token.last_used_at is None or now - token.last_used_at > SEEN_EVERY:
        with store.write() as connection:
            connection.execute(sa.update(api_tokens).where(api_tokens.c.name == token.name).values(last_used_at=now))
    return Caller(f"{MACHINE}{token.name}", frozenset(token.scopes))


def list_tokens(store: Store) -> list[ApiToken]:
    """All tokens, also those that are over, by name."""
    with store.read() as connection:
        return [_token(row) for row in rows_of(connection, sa.select(*_FIELDS).order_by(api_tokens.c.name))]


def revoke_token(store: Store, name: str, by: str, now: datetime | None = None) -> None:
    """End a token at once; doing it twice changes nothing.

    Raises:
        NotFoundError: there is no such token.
    """
    now = now or _system_now()
    with store.write() as connection:
        found = connection.execute(sa.select(api_tokens.c.revoked_at).where(api_tokens.c.name == name)).first()
        if found is None:
            raise NotFoundError(f"there is no token {name}")
        if found[0] is None:
            connection.execute(sa.update(api_tokens).where(api_tokens.c.name == name).values(revoked_at=now))
            write_audit(connection, now, by, "token revoked", name)


def _token(row: dict[str, object]) -> ApiToken:
    return ApiToken(**(row | {"scopes": tuple(row["scopes"])}))  # type: ignore[arg-type]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _system_now() -> datetime:
    return utc(time.time())
