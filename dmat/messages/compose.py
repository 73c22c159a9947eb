"""From an entry of the ledger to the mail that leaves: which template, which values, which links.

Belongs here: that step, the same for sending and for previews. Stays out: rendering itself and the provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from dmat.channels.contract import OutgoingMail
from dmat.channels.email import build_mail
from dmat.errors import NotFoundError
from dmat.ledger.entries import Entry
from dmat.messages.alert_notice import alert_values
from dmat.messages.links import Links
from dmat.messages.opt_in import opt_in_values
from dmat.messages.personalise import cart_values
from dmat.messages.rendering import Rendered
from dmat.messages.report_mail import report_values
from dmat.messages.sales_notice import notice_values
from dmat.settings import Settings

Values = Callable[[Settings, Mapping[str, Any], str, Callable[[str], str]], dict[str, Any]]
TEMPLATES: Mapping[tuple[str, str], tuple[str, Values]] = {
    ("cart_recovery", "first_mail"): ("cart_recovery", cart_values),
    ("double_opt_in", "confirm"): ("double_opt_in", opt_in_values),
    ("sales_notice", "notice"): ("sales_notice", notice_values),
    ("alert_notice", "notice"): ("alert_notice", alert_values),
    ("report", "mail"): ("report_mail", report_values),
}


def template_values(
    settings: Settings, links: Links, entry: Entry, wraps_links: bool = False
) -> tuple[str, dict[str, Any]]:
    """The template of an entry and the values it is rendered with.

    Args:
        settings: the workspace.
        links: makes its links.
        entry: the planned message.
        wraps_links: lead clicks over our own door, for a provider that does not follow clicks itself.

    Raises:
        NotFoundError: no template belongs to this programme and step.
        InvalidInputError: a required field is missing.
    """
    found = TEMPLATES.get((entry.programme, entry.step))
    if found is None:
        raise NotFoundError(f"no template belongs to {entry.programme}, {entry.step}")
    template, values = found
    unsubscribe_url = links.unsubscribe_url(entry.message_id, entry.address, entry.channel)

    def link(url: str) -> str:
        return links.click_url(entry.message_id, url) if wraps_links else url

    return template, values(settings, entry.context, unsubscribe_url, link)


def make_mail(settings: Settings, entry: Entry, rendered: Rendered, unsubscribe_url: str) -> OutgoingMail:
    """The mail of a rendered entry."""
    return build_mail(
        settings,
        message_id=entry.message_id,
        to_email=entry.address,
        to_name=str(entry.context.get("first_name") or ""),
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        unsubscribe_url=unsubscribe_url,
        labels={"programme": entry.programme, "step": entry.step},
    )


def kept_row(mail: OutgoingMail, now: datetime) -> dict[str, Any]:
    """The mail as it is kept "as sent" (columns of `rendered_messages`)."""
    return {
        "message_id": mail.message_id,
        "from_address": f"{mail.from_name} <{mail.from_email}>",
        "to_address": f"{mail.to_name} <{mail.to_email}>" if mail.to_name else mail.to_email,
        "subject": mail.subject,
        "html": mail.html,
        "text": mail.text,
        "headers": mail.headers,
        "rendered_at": now,
    }
