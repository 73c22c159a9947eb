"""The sandbox of the channels beside e-mail: nothing leaves, every message is kept as a file of JSON.

    <folder>/<message id>.json

Belongs here: that. Stays out: e-mail (`dmat/channels/sandbox.py`) and audiences (`dmat/channels/retargeting.py`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson

from dmat.channels.contract import Abilities, MailBatch, Outgoing, Sought
from dmat.errors import InvalidInputError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


class FolderSandbox:
    """Taking the same message twice keeps it once."""

    name = "sandbox"
    abilities = Abilities(in_flight=4, looks_up=True)

    def __init__(self, channel: str, folder: Path) -> None:
        self.channel, self.folder = channel, folder

    def send(self, message: Outgoing) -> str:
        """Write the message to its file and give its id here."""
        file = self._file(message.message_id)
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{message.message_id}.tmp"
        temporary.write_bytes(orjson.dumps(message, option=orjson.OPT_INDENT_2))
        temporary.replace(file)
        return f"sandbox-{message.message_id}"

    def send_batch(self, batch: MailBatch) -> str:
        """Only e-mail has batches."""
        raise InvalidInputError("batch", f"{self.channel} has no batches", "send")

    def find_message(self, sought: Sought) -> str | None:
        """The id of a message that was taken."""
        return f"sandbox-{sought.message_id}" if self._file(sought.message_id).exists() else None

    def read_message(self, message_id: str) -> dict[str, Any] | None:
        """A message that was taken, field by field."""
        file = self._file(message_id)
        return dict(orjson.loads(file.read_bytes())) if file.exists() else None

    def close(self) -> None:
        """Nothing is open."""

    def _file(self, message_id: str) -> Path:
        if not _NAME.fullmatch(message_id):
            raise InvalidInputError("message_id", "cannot be the name of a file", "a UUID")
        return self.folder / f"{message_id}.json"
