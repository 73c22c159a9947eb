"""E-mail: valid addresses, the headers that mailbox providers demand, and which provider takes the mails.

Belongs here: rules of the channel. Stays out: the vendor's HTTP (`dmat/connectors/sendgrid.py`), words and layout
(`dmat/messages`). One-click unsubscribe follows RFC 8058: both headers, and a POST without a cookie is enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from dmat.channels.contract import MESSAGE_ID_ARGUMENT, MailProvider, OutgoingMail
from dmat.settings import Settings

_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)
_BREAKS = re.compile(r"[\x00-\x1f\x7f]+")


def is_valid_address(address: str) -> bool:
    """Whether a mail can be sent there: one ASCII address with a domain, and nothing that breaks a header."""
    local, _, _domain = address.rpartition("@")
    dotted = local.startswith(".") or local.endswith(".") or ".." in local
    return len(address) <= 254 and not dotted and _ADDRESS.fullmatch(address) is not None


def one_line(text: str, limit: int = 200) -> str:
    """Text for a header: control characters and line breaks become spaces."""
    return _BREAKS.sub(" ", text).strip()[:limit]


def build_mail(
    settings: Settings,
    *,
    message_id: str,
    to_email: str,
    to_name: str,
    subject: str,
    html: str,
    text: str,
    unsubscribe_url: str,
    labels: Mapping[str, str],
) -> OutgoingMail:
    """A mail that is ready to leave.

    Args:
        settings: the workspace: who it is from.
        message_id: ours; it travels as a custom argument and comes back in every event.
        to_email: a valid address.
        to_name: may be empty.
        subject: one line.
        html: the whole document.
        text: the same in plain text.
        unsubscribe_url: signed; a POST to it unsubscribes.
        labels: programme and step, for the provider's own statistics.
    """
    return OutgoingMail(
        message_id=message_id,
        to_email=to_email,
        to_name=one_line(to_name),
        from_email=settings.sender_email,
        from_name=one_line(settings.sender_name),
        subject=one_line(subject, 900),
        html=html,
        text=text,
        headers={
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        custom_args={MESSAGE_ID_ARGUMENT: message_id, **{f"dmat_{name}": value for name, value in labels.items()}},
        categories=list(labels.values()),
    )


def mail_provider(settings: Settings) -> MailProvider:
    """The provider of e-mail under the old contract; goes when the sender uses `open_provider`."""
    from dmat.channels.providers import open_provider

    return cast(MailProvider, open_provider(settings, "email"))
