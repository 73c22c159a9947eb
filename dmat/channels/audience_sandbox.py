"""The sandbox of retargeting: lists are kept as files, nobody is handed to anybody.

    <folder>/<key>.json     hashed identifiers, sorted

Belongs here: that. Stays out: who may be on a list (`dmat/channels/retargeting.py`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from dmat.channels.identities import Identity, for_meta

if TYPE_CHECKING:
    from dmat.channels.retargeting import Rows, Session


class AudienceSandbox:
    """Lists in a folder; adding or removing twice is as once."""

    name = "sandbox"
    batch = 10_000

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def identify(self, identity: Identity) -> Any | None:
        """As Meta would know the person."""
        return for_meta(identity)

    def ensure_list(self, key: str, title: str) -> str:
        """The name of the file."""
        name = re.sub(r"[^A-Za-z0-9_-]", "_", key)
        if not self._file(name).exists():
            self._write(name, [])
        return name

    def add(self, vendor_id: str, rows: Rows, session: Session) -> None:
        """Put people on the list."""
        self._write(vendor_id, [*self.read_list(vendor_id), *rows])

    def remove(self, vendor_id: str, rows: Rows, session: Session) -> None:
        """Take people off the list."""
        gone = {tuple(row) for row in rows}
        self._write(vendor_id, [row for row in self.read_list(vendor_id) if tuple(row) not in gone])

    def read_list(self, vendor_id: str) -> list[list[str]]:
        """Who is on a list, hashed."""
        file = self._file(vendor_id)
        return list(orjson.loads(file.read_bytes())) if file.exists() else []

    def close(self) -> None:
        """Nothing is open."""

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _write(self, name: str, rows: list[Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        unique = sorted({tuple(row) for row in rows})
        temporary = self.folder / f".{name}.tmp"
        temporary.write_bytes(orjson.dumps(unique))
        temporary.replace(self._file(name))
