"""What one person's message is made of: personal values in words, the links it carries, code and segments.

Belongs here: from an entry of the ledger to the values that a template sees. Stays out: the words of types
(`variables.py`), rendering.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from dmat.errors import InvalidInputError
from dmat.ledger.entries import Entry
from dmat.messages.help_reply import help_values
from dmat.messages.links import Links
from dmat.messages.opt_in import opt_in_values
from dmat.messages.personalise import cart_values
from dmat.messages.records import Variable
from dmat.messages.tracking import Tracking, message_links
from dmat.messages.variables import required_values
from dmat.settings import Settings

BuiltIn = Callable[[Settings, Mapping[str, Any], str, Callable[[str], str]], dict[str, Any]]
BUILT_IN: dict[str, BuiltIn] = {
    "cart_recovery": cart_values,
    "double_opt_in": opt_in_values,
    "help_reply_sms": help_values,
    "help_reply_whatsapp": help_values,
}
LINKS = ("unsubscribe_url", "preferences_url", "view_url", "pixel_url")


class Message(Protocol):
    """What must be known of a compiled message."""

    key: str
    locale: str
    variables: Sequence[Variable]
    segments: Sequence[str]
    tracking: Tracking
    used: frozenset[str]


def values_of(settings: Settings, links: Links, message: Message, entry: Entry) -> dict[str, Any]:
    """What the template sees of one planned message.

    Raises:
        InvalidInputError: a required value is missing.
    """
    own = message_links(links, entry, message.used)
    built_in = BUILT_IN.get(message.key)
    if built_in is not None:

        def wrap(url: str) -> str:
            return links.click_url(entry.message_id, url) if message.tracking.wraps else url

        return built_in(settings, entry.context, own["unsubscribe_url"], wrap) | own
    return template_values(message, entry.context, entry.locale or message.locale) | own


def template_values(message: Message, context: Mapping[str, Any], locale: str) -> dict[str, Any]:
    """The declared variables of a template in words, and the segments that it asks about.

    Raises:
        InvalidInputError: a required value is missing.
    """
    fixed = [v for v in message.variables if not v.source.startswith("campaign.")]
    values = required_values(fixed, context, locale)
    if message.segments:
        segments = context.get("segments", ())
        if not isinstance(segments, (list, tuple)):
            raise InvalidInputError("segments", "it is not a list of keys", "a list")
        values["segments"] = list(segments)
    return values
