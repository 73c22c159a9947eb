"""The sandbox: a provider that sends nothing and keeps every mail as a file, for a workspace without a provider.

Belongs here: that. Stays out: pretending that anybody reads them (`dmat/simulate` does that).
"""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formataddr
from pathlib import Path

from dmat.channels.contract import OutgoingMail


class Sandbox:
    """Keeps `<folder>/<message id>.eml`; taking the same message twice keeps it once."""

    name = "sandbox"
    tracks_clicks = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send_mail(self, mail: OutgoingMail) -> str:
        """Write the mail to its file and give the id of it here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{mail.message_id}.tmp"
        temporary.write_bytes(as_message(mail).as_bytes())
        temporary.replace(self.folder / f"{mail.message_id}.eml")
        return f"sandbox-{mail.message_id}"

    def find_message(self, message_id: str) -> str | None:
        """The id of a mail that was taken."""
        return f"sandbox-{message_id}" if (self.folder / f"{message_id}.eml").exists() else None


def as_message(mail: OutgoingMail) -> EmailMessage:
    """The mail as RFC 5322 text with its plain and its HTML part."""
    message = EmailMessage()
    message["Subject"] = mail.subject
    message["From"] = formataddr((mail.from_name, mail.from_email))
    message["To"] = formataddr((mail.to_name, mail.to_email))
    message["Message-ID"] = f"<{mail.message_id}@dmat>"
    for name, value in mail.headers.items():
        message[name] = value
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message
