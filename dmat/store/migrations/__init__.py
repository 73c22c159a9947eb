"""Migrations: the steps that bring an older store up to date, run from code by `upgrade_tables`.

Belongs here: one file a step under `versions`, never changed once released. Stays out: what tables are for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from alembic.config import Config

    from dmat.store.engine import Store

HEAD = max(step.name[:4] for step in (Path(__file__).parent / "versions").glob("[0-9]*.py"))
_ONE_AT_A_TIME = 4_815_162_342  # PostgreSQL advisory lock: two processes that start together migrate once


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration on an open connection; there is no ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def upgrade_tables(store: Store) -> None:
    """Run the steps that a store lacks, in one transaction."""
    with store.read() as connection:
        if _version(connection) == HEAD:
            return
    from alembic import command

    with store.write() as connection:
        if not store.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        if _version(connection) != HEAD:
            command.upgrade(alembic_config(connection), "head")


def _version(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(sa.text("select version_num from alembic_version")).scalar()
    return version
