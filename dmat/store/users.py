"""Users and sign-ins: who may enter, proven by password, remembered by a token that is stored only as a hash.

Belongs here: users, roles, passwords (argon2id), throttled attempts, session tokens. Stays out: cookies and
pages (`apps`), and what a role may see (each screen says so with `User.may`).
Sign-ins live on the system's clock, never on a make-believe one.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.engine import Connection

from dmat.clock import utc
from dmat.errors import InvalidInputError
from dmat.store.engine import Store, rows_of, upsert
from dmat.store.tables import sign_in_attempts, sign_ins, users
from dmat.store.workspace_values import write_audit

COOKIE_NAME = "dmat_session"
ROLES = ("admin", "marketer", "analyst", "sales", "manager")
SESSION_DAYS = 14
FREE_ATTEMPTS = 5
LOCK_SECONDS, LONGEST_LOCK_SECONDS = 30, 900
MINIMUM_PASSWORD = 10
_HASHER = PasswordHasher()  # argon2id, RFC 9106's low-memory profile
_NOBODY = _HASHER.hash(secrets.token_hex(16))  # checked when there is no such user, so that both take as long


@dataclass(frozen=True)
class User:
    """Somebody who may sign in."""

    user_id: int
    email: str
    name: str
    role: str
    is_active: bool = True

    def may(self, *roles: str) -> bool:
        """Whether the user has one of the roles; an admin may everything."""
        return self.role == "admin" or self.role in roles


_FIELDS = [users.c[name] for name in User.__dataclass_fields__]


def _system_now() -> datetime:
    return utc(time.time())


def create_user(store: Store, email: str, password: str, role: str = "marketer", name: str = "") -> User:
    """Add a user.

    Raises:
        InvalidInputError: a bad address, role or password, or the address is taken.
    """
    email = _clean_email(email)
    if role not in ROLES:
        raise InvalidInputError("role", f"{role!r} is not a role", ", ".join(ROLES))
    now = _system_now()
    row = {"email": email, "name": name, "role": role, "password_hash": _hash(password), "created_at": now}
    with store.write() as connection:
        statement = upsert(connection, users).values(row).on_conflict_do_nothing(index_elements=["email"])
        user_id = connection.execute(statement.returning(users.c.user_id)).scalar()
        if user_id is None:
            raise InvalidInputError("email", f"{email} has a user already", "an address that is not taken")
        write_audit(connection, now, email, "user created", email, role=role)
    return User(user_id, email, name, role)


def list_users(store: Store) -> list[User]:
    """All users, by address."""
    with store.read() as connection:
        return [User(**row) for row in rows_of(connection, sa.select(*_FIELDS).order_by(users.c.email))]


def set_password(store: Store, email: str, password: str) -> None:
    """Give a user a new password and sign them out everywhere."""
    _change(store, email, "password changed", password_hash=_hash(password))


def set_active(store: Store, email: str, is_active: bool) -> None:
    """Let a user in again, or lock them out and sign them out everywhere."""
    _change(store, email, "user let in" if is_active else "user locked out", is_active=is_active)


def _change(store: Store, email: str, action: str, **values: Any) -> None:
    email = _clean_email(email)
    with store.write() as connection:
        user_id = connection.execute(
            sa.update(users).where(users.c.email == email).values(values).returning(users.c.user_id)
        ).scalar()
        if user_id is None:
            raise InvalidInputError("email", f"there is no user {email}", "the address of a user")
        connection.execute(sa.delete(sign_ins).where(sign_ins.c.user_id == user_id))
        write_audit(connection, _system_now(), email, action, email)


def authenticate(store: Store, email: str, password: str, now: datetime | None = None) -> User | None:
    """The user whose address and password these are, or None.

    Takes as long for an unknown address as for a wrong password. After five wrong passwords an address waits
    half a minute, then twice as long after each further one, up to a quarter of an hour.
    """
    now, email = now or _system_now(), email.strip().lower()[:320]
    with store.read() as connection:
        row = connection.execute(
            sa.select(*_FIELDS, users.c.password_hash).where(users.c.email == email)
        ).mappings().first()  # fmt: skip
        is_locked = seconds_until_next_attempt(connection, email, now) > 0
    matches = _matches(row["password_hash"] if row else _NOBODY, password)
    if is_locked:
        return None
    if not (row and matches and row["is_active"]):
        _note_failure(store, email, now)
        return None
    with store.write() as connection:
        connection.execute(sa.delete(sign_in_attempts).where(sign_in_attempts.c.email == email))
        changed: dict[str, Any] = {"last_signed_in_at": now}
        if _HASHER.check_needs_rehash(row["password_hash"]):
            changed["password_hash"] = _HASHER.hash(password)
        connection.execute(sa.update(users).where(users.c.user_id == row["user_id"]).values(changed))
    return User(**{column.name: row[column.name] for column in _FIELDS})


def seconds_until_next_attempt(connection: Connection, email: str, now: datetime) -> float:
    """How long this address must still wait before a password is looked at; 0 when it need not."""
    query = sa.select(sign_in_attempts.c.locked_until).where(sign_in_attempts.c.email == email)
    until = connection.execute(query).scalar()
    return max(0.0, (until - now).total_seconds()) if until else 0.0


def _note_failure(store: Store, email: str, now: datetime) -> None:
    with store.write() as connection:
        query = sa.select(sign_in_attempts.c.failed_count).where(sign_in_attempts.c.email == email)
        failed = (connection.execute(query).scalar() or 0) + 1
        lock = min(LOCK_SECONDS * 2 ** max(0, min(failed - FREE_ATTEMPTS, 10)), LONGEST_LOCK_SECONDS)
        row = {
            "email": email,
            "failed_count": failed,
            "last_failed_at": now,
            "locked_until": now + timedelta(seconds=lock) if failed >= FREE_ATTEMPTS else None,
        }
        connection.execute(
            upsert(connection, sign_in_attempts).values(row).on_conflict_do_update(index_elements=["email"], set_=row)
        )


def sign_in(store: Store, user: User, now: datetime | None = None) -> str:
    """Start a session and give its token; only its hash is kept."""
    now, token = now or _system_now(), secrets.token_urlsafe(32)
    row = {
        "token_hash": _token_hash(token),
        "user_id": user.user_id,
        "created_at": now,
        "expires_at": now + timedelta(days=SESSION_DAYS),
        "last_seen_at": now,
    }
    with store.write() as connection:
        connection.execute(sa.delete(sign_ins).where(sign_ins.c.expires_at <= now))
        connection.execute(sa.insert(sign_ins).values(row))
        write_audit(connection, now, user.email, "signed in")
    return token


def user_of_token(store: Store, token: str | None, now: datetime | None = None) -> User | None:
    """The user whose session this token is, or None when it is unknown, over, or its user was locked out."""
    if not token:
        return None
    query = (
        sa.select(*_FIELDS)
        .join(sign_ins, sign_ins.c.user_id == users.c.user_id)
        .where(sign_ins.c.token_hash == _token_hash(token), sign_ins.c.expires_at > (now or _system_now()))
        .where(users.c.is_active)
    )
    with store.read() as connection:
        row = connection.execute(query).mappings().first()
    return User(**row) if row else None


def sign_out(store: Store, token: str | None) -> None:
    """End a session."""
    if token:
        with store.write() as connection:
            connection.execute(sa.delete(sign_ins).where(sign_ins.c.token_hash == _token_hash(token)))


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _hash(password: str) -> str:
    if len(password) < MINIMUM_PASSWORD:
        raise InvalidInputError("password", "it is too short", f"at least {MINIMUM_PASSWORD} characters")
    return _HASHER.hash(password)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _clean_email(email: str) -> str:
    cleaned = email.strip().lower()
    if "@" not in cleaned or len(cleaned) > 320:
        raise InvalidInputError("email", f"{email!r} is not an address", "name@domain")
    return cleaned
