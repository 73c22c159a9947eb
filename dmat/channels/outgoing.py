"""From the filled parts of a message to the shape that a channel's providers take, with the rules of the channel kept.

Belongs here: which part goes where, channel by channel. Stays out: e-mail (`dmat/channels/email.py`), filling
(`dmat/messages`), and handing over (`dmat_pipelines/deliver`).
Lists, such as the values of a WhatsApp template, come as one value a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dmat.channels.addresses import PHONE_RULE, is_valid_phone
from dmat.channels.contract import OutgoingCall, OutgoingPush, OutgoingText, WhatsAppTemplate
from dmat.channels.providers import chosen_name
from dmat.channels.push import build_push
from dmat.channels.sms import clean_text, count_segments, estimate_cost, takes_replies, with_opt_out
from dmat.channels.webhook import build_call, read_body
from dmat.channels.whatsapp import template_name
from dmat.errors import InvalidInputError
from dmat.settings import Settings

SENDERS = {"twilio": "twilio_sender", "vonage": "vonage_sender"}


@dataclass(frozen=True)
class Part:
    """One message for one person.

    Attributes:
        parts: name of a part -> its words.
        opt_out_url: where to leave, for senders that take no replies.
    """

    channel: str
    message_id: str
    address: str
    parts: Mapping[str, str]
    locale: str = ""
    is_marketing: bool = True
    opt_out_url: str = ""


def build_outgoing(settings: Settings, part: Part) -> OutgoingText | OutgoingPush | OutgoingCall:
    """A message that is ready to leave by sms, whatsapp, push or webhook.

    Raises:
        InvalidInputError: an address, a text or a payload that no provider takes; names the field.
    """
    if part.channel == "push":
        return _push(part)
    if part.channel == "webhook":
        payload = read_body(part.parts.get("body", ""))
        return build_call(settings, message_id=part.message_id, payload=payload)
    if not is_valid_phone(part.address):
        raise InvalidInputError("to", "is not a phone number", PHONE_RULE)
    return _sms(settings, part) if part.channel == "sms" else _whatsapp(part)


def _push(part: Part) -> OutgoingPush:
    return build_push(
        message_id=part.message_id,
        token=part.address,
        title=part.parts.get("title", ""),
        body=part.parts.get("body", ""),
        url=part.parts.get("url", ""),
        image_url=part.parts.get("image_url", ""),
    )


def sms_text(settings: Settings, text: str, locale: str = "", opt_out_url: str = "", is_marketing: bool = True) -> str:
    """A text as it leaves: in marketing with how to opt out, by reply or by a link where nobody reads replies."""
    if is_marketing and text.strip():
        sender = str(getattr(settings, SENDERS.get(chosen_name(settings, "sms"), ""), ""))
        link = opt_out_url if sender and not takes_replies(sender) else ""
        text = with_opt_out(text.strip(), locale or "en", link)
    return clean_text(text)


def _sms(settings: Settings, part: Part) -> OutgoingText:
    text = sms_text(settings, part.parts.get("text", ""), part.locale, part.opt_out_url, part.is_marketing)
    cost = estimate_cost(settings, part.address, count_segments(text).count)
    return OutgoingText(
        part.message_id, "sms", part.address, text, cost_micros=cost.micros, cost_currency=cost.currency
    )  # fmt: skip


def _whatsapp(part: Part) -> OutgoingText:
    parts = part.parts
    media, (name, language) = parts.get("header_media_url", ""), template_name(parts, part.locale)
    if not name:
        text = parts.get("text", "").strip()
        text = clean_text(text) if text or not media else ""
        return OutgoingText(part.message_id, "whatsapp", part.address, text, media)
    template = WhatsAppTemplate(
        name=name,
        language=language,
        category=parts.get("template_category", "") or "marketing",
        body_values=parts.get("body_values", "").splitlines(),
        header_media_url=media,
        button_values=parts.get("button_values", "").splitlines(),
    )
    return OutgoingText(part.message_id, "whatsapp", part.address, parts.get("text", ""), template=template)
