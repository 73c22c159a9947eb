"""Questions about the installation: its processes, its versions, its files.

Belongs here: reading what the supervisor wrote, and version numbers. Stays out: mending anything (`dmat doctor`).
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from apps.context import Context, Pulse
from dmat.clock import utc
from dmat.errors import InvalidInputError
from dmat.outgoing.endpoints import Endpoint, Endpoints
from dmat.supervise import SILENT_AFTER_SECONDS

PACKAGES = ("dmat", "duckdb", "dbt-core", "dbt-duckdb", "dagster", "panel", "panel-material-ui", "sqlalchemy", "pandas")
Row = dict[str, Any]


@dataclass(frozen=True)
class SystemHealth:
    """Processes as the supervisor last saw them (None: it does not run here), versions, sizes, webhooks in trouble."""

    processes: tuple[Row, ...] | None
    processes_at: datetime | None
    is_supervisor_silent: bool
    packages: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    endpoints: tuple[Endpoint, ...] = ()


def read_system(context: Context, pulse: Pulse) -> SystemHealth:
    """The state of this installation."""
    status = context.settings.home / "run" / "processes.json"
    processes = read_processes(status)
    at = utc(status.stat().st_mtime) if processes is not None else None
    return SystemHealth(
        processes=processes,
        processes_at=at,
        is_supervisor_silent=at is not None and (utc(_now()) - at).total_seconds() > SILENT_AFTER_SECONDS,
        packages=_packages(),
        facts=_facts(context, pulse),
        endpoints=tuple(Endpoints(context.settings, context.store).troubled()),
    )


def _now() -> float:
    import time

    return time.time()


def read_processes(file: Path) -> tuple[Row, ...] | None:
    """The supervisor's list; None when it has written none.

    Raises:
        InvalidInputError: the file is there and cannot be read.
    """
    if not file.exists():
        return None
    try:
        written = json.loads(file.read_text())
    except ValueError as error:
        raise InvalidInputError(file.name, f"it cannot be read: {error}") from error
    rows = written.get("processes", []) if isinstance(written, dict) else written
    wanted = ("name", "pid", "state", "restarts", "started_at", "url")
    return tuple({name: row.get(name) for name in wanted} for row in rows if isinstance(row, dict))


@cache
def _packages() -> tuple[tuple[str, str], ...]:
    found = [("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return tuple(found)


def _facts(context: Context, pulse: Pulse) -> tuple[tuple[str, str], ...]:
    settings, published = context.settings, pulse.version
    serving = f"version {published.number:,}, {_size(published.path)}" if published else "nothing published yet"
    return (
        ("Warehouse", serving),
        ("Core file", _size(settings.core_path)),
        ("Store", f"{context.store.engine.dialect.name}, schema {_schema(context)}"),
        ("Time zone", settings.workspace_time_zone),
        ("Clock", f"virtual, ×{settings.clock.speed:g}" if settings.clock.is_virtual else "the system's"),
        ("Vendors", "simulated" if settings.is_simulated else "real"),
    )


def _size(file: Path) -> str:
    if not file.exists():
        return "not there"
    size = float(file.stat().st_size)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def _schema(context: Context) -> str:
    with context.store.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return "unknown"
        return str(connection.scalar(sa.text("select version_num from alembic_version")) or "none")
