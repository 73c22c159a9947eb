"""E-mail: valid addresses, and the headers that mailbox providers demand.

Belongs here: rules of the channel. Stays out: vendors (`dmat/connectors`), words and layout (`dmat/messages`).
One-click unsubscribe follows RFC 8058: both headers, and a POST without a cookie is enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dmat.channels.contract import MESSAGE_ID_ARGUMENT, OutgoingMail
from dmat.settings import Settings

_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)
_ALL = re.compile(rf"(?:(?>{_ADDRESS.pattern})\n)*")
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")
_BREAKS = re.compile(r"[\x00-\x1f\x7f]+")


def is_valid_address(address: str) -> bool:
    """Whether a mail can be sent there: one ASCII address with a domain, and nothing that breaks a header."""
    local, _, _domain = address.rpartition("@")
    dotted = local.startswith(".") or local.endswith(".") or ".." in local
    return len(address) <= 254 and not dotted and _ADDRESS.fullmatch(address) is not None


def are_surely_valid(addresses: Sequence[str]) -> bool:
    """Whether each of these is valid, by one look at all of them; False only says that each is to be asked about."""
    together = "".join(f"{address}\n" for address in addresses)
    is_one_each = together.count("\n") == len(addresses) and max(map(len, addresses), default=0) <= 254
    is_dotted = together.startswith(".") or any(dots in together for dots in ("..", ".@", "\n."))
    return is_one_each and not is_dotted and _ALL.fullmatch(together) is not None


def one_line(text: str, limit: int = 200) -> str:
    """Text for a header: control characters and line breaks become spaces."""
    return _BREAKS.sub(" ", text).strip()[:limit]


def unsubscribe_headers(unsubscribe_url: str) -> dict[str, str]:
    """The two headers of one-click unsubscribe (RFC 8058)."""
    return {"List-Unsubscribe": f"<{unsubscribe_url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def shared_headers(settings: Settings, labels: Mapping[str, str]) -> dict[str, str]:
    """Headers that are the same for all mails of a step: which list they belong to, and what complaints are counted by.

    Feedback-ID holds programme and step, and last the sender, which must be 5 to 15 characters that never change.
    """
    domain = settings.sender_email.rpartition("@")[2]
    parts = [_UNFIT.sub("-", value)[:60] for value in (labels.get("programme", ""), labels.get("step", ""))]
    sender = re.sub(r"[^a-z0-9]", "", domain.lower())[:15]
    return {"List-ID": f"<marketing.{domain}>", "Feedback-ID": ":".join([*parts, "dmat", sender.rjust(5, "0")])}


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
    from_email: str = "",
    from_name: str = "",
    reply_to: str = "",
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
        from_email: who it is from; empty: as the workspace says, and so the next two.
        from_name: the name shown.
        reply_to: where answers go.
    """
    return OutgoingMail(
        message_id=message_id,
        to_email=to_email,
        to_name=one_line(to_name),
        from_email=from_email or settings.sender_email,
        from_name=one_line(from_name or settings.sender_name),
        subject=one_line(subject, 900),
        html=html,
        text=text,
        headers={**shared_headers(settings, labels), **unsubscribe_headers(unsubscribe_url)},
        custom_args={MESSAGE_ID_ARGUMENT: message_id, **{f"dmat_{name}": value for name, value in labels.items()}},
        categories=list(labels.values()),
        reply_to=reply_to or settings.reply_to_email,
    )
