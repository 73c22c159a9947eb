"""Tell Dagster what was done outside its runs, so that the graph, its checks and its freshness stay true.

Belongs here: runless materialisations, at most one a minute for each table. Stays out: doing the work.
Dagster is optional here: without `<home>/dagster/dagster.yaml` nothing is told, and it is imported when needed.

How fresh a table is, freshness policies say. Dagster would also call a table out of step whenever one before it was
refreshed again, which the micro-batch does every minute; so tables carry one data version whoever refreshed them, and
are told in the order in which they are made.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dmat.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

EVERY_SECONDS = 60.0
DATA_VERSION = "as published"


class Teller:
    """Tells the Dagster instance of a workspace what was refreshed."""

    def __init__(self, settings: Settings, every_seconds: float = EVERY_SECONDS) -> None:
        self.folder = settings.home / "dagster"
        self.every_seconds = every_seconds
        self._told_at: dict[tuple[str, ...], float] = {}
        self._instance: DagsterInstance | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the workspace has a Dagster home."""
        return (self.folder / "dagster.yaml").exists()

    def tell(self, tables: dict[tuple[str, str], int | None], version: int, by: str = "stream") -> int:
        """Report tables as materialised, in the order given: each after those that it is made of.

        Gives how many were reported (the others were, within the last minute).
        """
        now = time.monotonic()
        due = [key for key in tables if now - self._told_at.get(key, -self.every_seconds) >= self.every_seconds]
        if not due or not self.is_wanted:
            return 0
        from dagster import AssetKey, AssetMaterialization

        instance = self._open()
        for key in due:
            metadata: dict[str, int | str] = {"version": version, "by": by}
            rows = tables[key]
            if rows is not None:
                metadata["dagster/row_count"] = rows
            tags = {"dagster/data_version": DATA_VERSION}
            told = AssetMaterialization(AssetKey(list(key)), metadata=metadata, tags=tags)
            instance.report_runless_asset_event(told)
            self._told_at[key] = now
        return len(due)

    def _open(self) -> DagsterInstance:
        if self._instance is None:
            from dagster import DagsterInstance

            self._instance = DagsterInstance.from_config(str(self.folder))
        return self._instance
