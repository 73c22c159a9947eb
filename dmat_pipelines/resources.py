"""What assets and sensors are given: the workspace with its settings, store and published tables.

Belongs here: Dagster resources, and `DEFAULT_RESOURCES`. Stays out: rules. Tests and demos swap a resource through
`build_defs({"workspace": ...})`; nothing is patched.
"""

from __future__ import annotations

import threading

import dagster as dg

from dmat.settings import Settings, load_settings
from dmat.store import Store, open_store
from dmat.warehouse import Workspace

_stores: dict[str, Store] = {}
_lock = threading.Lock()


class WorkspaceResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The workspace in `home` (empty: `DMAT_HOME`, else the default folder)."""

    home: str = ""

    def settings(self) -> Settings:
        """The settings as they are now; `connection.env` may have changed since the process started."""
        return load_settings(home=self.home or None)

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


DEFAULT_RESOURCES: dict[str, object] = {"workspace": WorkspaceResource()}
