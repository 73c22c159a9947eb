"""How dbt opens the core file: attached with the log of writes on (`dmat/core_file.py` says why), with our functions.

Belongs here: the plugin of dbt-duckdb that `dbt/profiles.yml` names. Stays out: reading the log.
"""

from __future__ import annotations

from pathlib import Path

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from dmat.core_file import NAME, attach
from dmat_pipelines.conform.functions import register_functions


class Plugin(BasePlugin):
    """Attaches the core file of the profile, and makes it the default database of each cursor."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Attach the file (dbt-duckdb attaches what it lists only if it is not there yet); add our functions."""
        for attachment in (self.creds.attach if self.creds else None) or ():
            attach(conn, Path(attachment.path))
        register_functions(conn)

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Cursors do not inherit the default database."""
        cursor.execute(f"use {NAME}")
