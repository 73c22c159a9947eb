"""Webhooks of Amazon SES: its events arrive as messages of SNS, signed with RSA by a certificate of Amazon's.

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`), fetching the
certificate and confirming the subscription (`dmat/connectors/sns.py`).
Only messages of the topic in `DMAT_SES_TOPIC_ARN` are looked at; its region says which host the certificate is on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from dmat.channels.contract import MESSAGE_ID_ARGUMENT
from dmat.channels.machine import is_machine
from dmat.channels.vendors.fields import (
    IS_PERMANENT,
    Reader,
    iso_moment,
    json_of,
    list_at,
    object_at,
    object_of,
    own_message_id,
    text_at,
    with_facts,
)
from dmat.channels.vendors.request import WebhookRequest, from_base64, known
from dmat.connectors.sns import certificate_key, confirm_subscription, is_signed
from dmat.errors import InvalidInputError, UnverifiedError
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

KINDS = {
    "Send": "accepted", "Delivery": "delivered", "Bounce": "bounced", "Complaint": "complained", "Open": "opened",
    "Click": "clicked", "Reject": "dropped", "Rendering Failure": "dropped", "DeliveryDelay": "deferred",
}  # fmt: skip
SECTIONS = {
    "Send": "mail", "Delivery": "delivery", "Bounce": "bounce", "Complaint": "complaint", "Open": "open",
    "Click": "click", "Reject": "reject", "DeliveryDelay": "deliveryDelay", "Subscription": "subscription",
}  # fmt: skip
_SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SIGNED_SUBSCRIPTION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def verify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    topic = known(settings.ses_topic_arn, "ses")
    try:
        message = object_of(json_of(request.body))
        if text_at(message, "TopicArn") != topic:
            raise UnverifiedError("the message is not of the topic that DMAT_SES_TOPIC_ARN names")
        is_event = text_at(message, "Type") == "Notification"
        names = _SIGNED if is_event else _SIGNED_SUBSCRIPTION
        text = "".join(f"{name}\n{text_at(message, name)}\n" for name in names if message.get(name))
        key = certificate_key(text_at(message, "SigningCertURL"), topic, request.received_epoch)
        signature = from_base64(text_at(message, "Signature"))
        return is_signed(key, signature, text.encode(), text_at(message, "SignatureVersion"))
    except InvalidInputError as error:
        raise UnverifiedError(f"the message of ses cannot be read: {error}") from None


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    message = object_of(json_of(request.body))
    return iter([(message, _event if text_at(message, "Type") == "Notification" else _subscription)])


def confirm(settings: Settings, request: WebhookRequest) -> None:
    """Confirm the subscription when a verified request asks for that; an ordinary event asks for nothing.

    Raises:
        UnverifiedError: the address in it is not Amazon's for our topic.
        VendorUnavailableError: Amazon did not take it; it asks again.
    """
    message = object_of(json_of(request.body))
    if text_at(message, "Type") == "SubscriptionConfirmation":
        confirm_subscription(text_at(message, "SubscribeURL"), settings.ses_topic_arn)


def _subscription(_request: WebhookRequest, message: Any, _now: datetime) -> InboundEvent:
    kept = {name: value for name, value in message.items() if name not in {"Token", "SubscribeURL", "Signature"}}
    at = iso_moment(message.get("Timestamp"))
    return InboundEvent("ses", text_at(message, "MessageId", required=True), "other", at, kept)


def _event(_request: WebhookRequest, message: Any, _now: datetime) -> InboundEvent:
    event = object_of(json_of(text_at(message, "Message", required=True).encode()))
    name = text_at(event, "eventType") or text_at(event, "notificationType")
    kind = KINDS.get(name, "other")
    mail, section = object_at(event, "mail"), object_at(event, SECTIONS.get(name, ""))
    is_permanent = kind == "bounced" and text_at(section, "bounceType") == "Permanent"
    agent = text_at(section, "userAgent") if kind in {"opened", "clicked"} else ""
    facts = with_facts(event, link=section.get("link"), user_agent=agent, reason=_reason(section))
    return InboundEvent(
        provider="ses",
        event_id=text_at(message, "MessageId", required=True),
        kind=kind,
        occurred_at=iso_moment(section.get("timestamp") or message.get("Timestamp")),
        payload=facts | ({IS_PERMANENT: is_permanent} if kind in {"bounced", "dropped"} else {}),
        message_id=own_message_id(_tag(mail)),
        address=_address(mail, section),
        is_machine=kind in {"opened", "clicked"} and is_machine(agent),
    )


def _reason(section: Mapping[str, Any]) -> Any:
    told = next((one for one in list_at(section, "bouncedRecipients") if isinstance(one, dict)), {})
    return told.get("diagnosticCode") or section.get("complaintFeedbackType") or section.get("reason")


def _tag(mail: Mapping[str, Any]) -> Any:
    values = list_at(object_at(mail, "tags"), MESSAGE_ID_ARGUMENT)
    return values[0] if values else None


def _address(mail: Mapping[str, Any], section: Mapping[str, Any]) -> str:
    """Each mail has one recipient; a bounce and a complaint name it themselves."""
    for name in ("bouncedRecipients", "complainedRecipients", "delayedRecipients"):
        for found in list_at(section, name):
            return text_at(object_of(found), "emailAddress").strip().lower()
    first = next(iter(list_at(mail, "destination")), "")
    return first.strip().lower() if isinstance(first, str) and "\x00" not in first else ""
