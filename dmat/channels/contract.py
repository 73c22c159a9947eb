"""What a channel is given and what it must answer: the contract between the sender and any provider.

Belongs here: the shape of an outgoing mail and the protocol of a provider. Stays out: any vendor and any rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

MESSAGE_ID_ARGUMENT = "dmat_message_id"


@dataclass(frozen=True)
class OutgoingMail:
    """One e-mail, ready to leave; `custom_args` travel with it and come back in the provider's events."""

    message_id: str
    to_email: str
    to_name: str
    from_email: str
    from_name: str
    subject: str
    html: str
    text: str
    headers: dict[str, str] = field(default_factory=dict)
    custom_args: dict[str, str] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)


class MailProvider(Protocol):
    """Something that takes e-mails: a vendor, or the sandbox."""

    name: str
    tracks_clicks: bool

    def send_mail(self, mail: OutgoingMail) -> str:
        """Hand one mail over and give the provider's id of it.

        Raises:
            RateLimitedError: not taken; wait as long as it says.
            VendorUnavailableError: not taken; nothing was done.
            VendorRefusedError: not taken, and never will be as it is.
            AmbiguousError: nobody knows; only evidence may resolve it.
        """
        ...

    def find_message(self, message_id: str) -> str | None:
        """The provider's id of a mail that it took, or None when it never took it.

        Raises:
            VendorRefusedError: this account cannot look messages up.
            TransientError: no answer now; ask again later.
        """
        ...
