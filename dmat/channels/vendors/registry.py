"""The one list of vendors whose webhooks we take: how each is verified, and how each is read.

Belongs here: that list. Stays out: a vendor's particulars (one file each).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from dmat.channels.vendors import (
    brevo,
    hubspot,
    onesignal,
    postmark,
    resend,
    sendgrid,
    ses,
    shops,
    twilio,
    vonage,
    whatsapp,
)
from dmat.channels.vendors.fields import Reader
from dmat.channels.vendors.request import WebhookRequest
from dmat.settings import Settings


@dataclass(frozen=True)
class Webhook:
    """One vendor.

    Attributes:
        verify: whether a request is from the vendor; raises UnverifiedError when it cannot be told.
        elements: the events of a verified body, each with what reads it; raises InvalidInputError.
    """

    verify: Callable[[Settings, WebhookRequest], bool]
    elements: Callable[[WebhookRequest], Iterator[tuple[Any, Reader]]]


WEBHOOKS: Mapping[str, Webhook] = MappingProxyType(
    {
        "sendgrid": Webhook(sendgrid.verify, sendgrid.elements),
        "brevo": Webhook(brevo.verify, brevo.elements),
        "ses": Webhook(ses.verify, ses.elements),
        "postmark": Webhook(postmark.verify, postmark.elements),
        "resend": Webhook(resend.verify, resend.elements),
        "twilio": Webhook(twilio.verify, twilio.elements),
        "shopify": Webhook(shops.verify_shopify, shops.elements),
        "woocommerce": Webhook(shops.verify_woocommerce, shops.elements),
        "hubspot": Webhook(hubspot.verify, hubspot.elements),
        "whatsapp": Webhook(whatsapp.verify, whatsapp.elements),
        "vonage": Webhook(vonage.verify, vonage.elements),
        "onesignal": Webhook(onesignal.verify, onesignal.elements),
    }
)
