"""What assets and sensors are given: the workspace with its settings, store and published tables.

Belongs here: Dagster resources, and `DEFAULT_RESOURCES`. Stays out: rules. Tests and demos swap a resource through
`build_defs({"workspace": ...})`; nothing is patched.
"""

from __future__ import annotations

import os
import threading

import dagster as dg

from dmat.settings import ROOT, Settings, load_settings
from dmat.store import Store, open_store
from dmat.warehouse import Workspace

_stores: dict[str, Store] = {}
_settings: dict[str, tuple[tuple[object, ...], Settings]] = {}
_lock = threading.Lock()


class WorkspaceResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The workspace in `home` (empty: `DMAT_HOME`, else the default folder)."""

    home: str = ""

    def settings(self) -> Settings:
        """The settings as they are now; `connection.env` may have changed since the process started."""
        return _settings_of(self.home)

    def store(self) -> Store:
        """The store, opened and migrated once in a process."""
        settings = self.settings()
        with _lock:
            if settings.resolved_store_url not in _stores:
                _stores[settings.resolved_store_url] = open_store(settings)
            return _stores[settings.resolved_store_url]

    def view(self) -> Workspace:
        """The newest published tables, read-only."""
        return Workspace(self.settings())


def _settings_of(home: str) -> Settings:
    """Settings, read again only when one of their sources changed; a run asks for them hundreds of times."""
    with _lock:
        read = _settings.get(home)
        if read is None or read[0] != _sources(read[1]):
            settings = load_settings(home=home or None)
            read = _settings[home] = (_sources(settings), settings)
        return read[1]


def _sources(settings: Settings) -> tuple[object, ...]:
    """What `load_settings` would read, as far as it can change: the environment and two files."""
    files = (ROOT / ".env", settings.home / "simulation" / "connection.env")
    times = tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
    return (*times, *sorted(item for item in os.environ.items() if item[0].upper().startswith("DMAT_")))


DEFAULT_RESOURCES: dict[str, object] = {"workspace": WorkspaceResource()}
