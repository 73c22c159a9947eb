"""The sandbox of e-mail: it sends nothing and keeps what would have left as files, for a workspace without a provider.

Belongs here: that. Stays out: pretending that anybody reads them (`dmat/simulate` does that).

    <folder>/<message id>.eml     one mail
    <folder>/<request id>.batch   a batch: the common part once, each person's values (JSON)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from dmat.channels.batches import whole_mail
from dmat.channels.contract import Abilities, MailBatch, OutgoingMail, Recipient, Sought
from dmat.channels.mime import as_bytes


class MailSandbox:
    """Taking the same message twice keeps it once."""

    name = "sandbox"
    channel = "email"
    abilities = Abilities(batch=1000, in_flight=4, looks_up=True)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: OutgoingMail) -> str:
        """Write the mail to its file and give the id of it here."""
        self._write(f"{message.message_id}.eml", as_bytes(message))
        return f"sandbox-{message.message_id}"

    def send_batch(self, batch: MailBatch) -> str:
        """Write the batch to one file, named after its first message."""
        name = batch.recipients[0].message_id
        self._write(f"{name}.batch", orjson.dumps(batch))
        return f"sandbox-{name}"

    def find_message(self, sought: Sought) -> str | None:
        """The id of a mail that was taken."""
        message_id = sought.message_id
        taken = (self.folder / f"{message_id}.eml").exists() or self._batched(message_id) is not None
        return f"sandbox-{message_id}" if taken else None

    def read_mail(self, message_id: str) -> bytes | None:
        """A mail that was taken, whole, as RFC 5322 text."""
        file = self.folder / f"{message_id}.eml"
        if file.exists():
            return file.read_bytes()
        found = self._batched(message_id)
        return as_bytes(found) if found else None

    def close(self) -> None:
        """Nothing is open."""

    def _write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{name}.tmp"
        temporary.write_bytes(content)
        temporary.replace(self.folder / name)

    def _batched(self, message_id: str) -> OutgoingMail | None:
        """The mail as it stands in one of the batches."""
        needle = f'"message_id":"{message_id}"'.encode()
        for file in sorted(self.folder.glob("*.batch")):
            content = file.read_bytes()
            if needle in content:
                return _mail_of(orjson.loads(content), message_id)
        return None


def _mail_of(stored: dict[str, Any], message_id: str) -> OutgoingMail | None:
    people = [Recipient(**item) for item in stored.pop("recipients")]
    batch = MailBatch(**stored, recipients=people)
    return next((whole_mail(batch, person) for person in people if person.message_id == message_id), None)
