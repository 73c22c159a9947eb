"""What people set up that is not a setting of the installation: named values, import mappings, the audit trail.

Belongs here: reading and writing them. Stays out: settings from the environment (`dmat/settings.py`).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.store.engine import Store, rows_of, upsert
from dmat.store.tables import audit, import_mappings, settings_values


def get_value(store: Store, key: str, default: Any = None) -> Any:
    """The value kept under `key`, or `default`."""
    with store.read() as connection:
        row = connection.execute(sa.select(settings_values.c.value).where(settings_values.c.key == key)).first()
    return default if row is None else row[0]


def set_value(store: Store, key: str, value: Any, now: datetime, by: str = "") -> None:
    """Keep a JSON value under `key`."""
    row = {"key": key, "value": value, "updated_at": now, "updated_by": by}
    with store.write() as connection:
        connection.execute(
            upsert(connection, settings_values).values(row).on_conflict_do_update(index_elements=["key"], set_=row)
        )


def workspace_id(connection: Connection, now: datetime) -> uuid.UUID:
    """The id of this workspace, made once; it travels with copies of the store. Needs a write transaction."""
    statement = upsert(connection, settings_values).values(
        key="workspace_id", value=str(uuid.uuid4()), updated_at=now, updated_by=""
    )
    connection.execute(statement.on_conflict_do_nothing(index_elements=["key"]))
    query = sa.select(settings_values.c.value).where(settings_values.c.key == "workspace_id")
    return uuid.UUID(connection.execute(query).scalar_one())


def get_mapping(store: Store, kind: str, signature: str) -> dict[str, str] | None:
    """The column mapping saved for files of one kind with these columns."""
    query = sa.select(import_mappings.c.mapping).where(
        import_mappings.c.kind == kind, import_mappings.c.signature == signature
    )
    with store.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else dict(row[0])


def save_mapping(store: Store, kind: str, signature: str, mapping: dict[str, str], now: datetime) -> None:
    """Keep a column mapping for the next file of the same kind with the same columns."""
    row = {"kind": kind, "signature": signature, "mapping": mapping, "updated_at": now}
    with store.write() as connection:
        connection.execute(
            upsert(connection, import_mappings)
            .values(row)
            .on_conflict_do_update(index_elements=["kind", "signature"], set_=row)
        )


def write_audit(
    connection: Connection, now: datetime, actor: str, action: str, subject: str = "", **detail: Any
) -> None:
    """Write one line of the audit trail inside the caller's transaction."""
    connection.execute(
        sa.insert(audit).values(happened_at=now, actor=actor, action=action, subject=subject, detail=detail)
    )


def read_audit(store: Store, limit: int = 200) -> list[dict[str, Any]]:
    """The newest lines of the audit trail."""
    with store.read() as connection:
        return rows_of(connection, sa.select(audit).order_by(audit.c.audit_id.desc()).limit(limit))
