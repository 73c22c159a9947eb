"""Webhooks of Shopify and WooCommerce: signed with HMAC-SHA256 in base64; one record that changed.

Belongs here: their proof of origin and their fields. Stays out: what an event changes (`dmat/ledger`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dmat.channels.vendors.fields import Reader, hash_of, json_of, object_of
from dmat.channels.vendors.request import WebhookRequest, from_base64, is_same, known, sha256
from dmat.settings import Settings
from dmat.store.inbox import InboundEvent

_TOPICS = {
    "shopify": ("x-shopify-topic", "x-shopify-webhook-id"),
    "woocommerce": ("x-wc-webhook-topic", "x-wc-webhook-delivery-id"),
}


def verify_shopify(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    secret = known(settings.shopify_webhook_secret.get_secret_value(), "shopify")
    return is_same(sha256(secret, request.body), from_base64(request.headers.get("x-shopify-hmac-sha256", "")))


def verify_woocommerce(settings: Settings, request: WebhookRequest) -> bool:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    secret = known(settings.woocommerce_webhook_secret.get_secret_value(), "woocommerce")
    return is_same(sha256(secret, request.body), from_base64(request.headers.get("x-wc-webhook-signature", "")))


def elements(request: WebhookRequest) -> Iterator[tuple[Any, Reader]]:
    """See `dmat/channels/vendors/registry.py: Webhook`."""
    return iter([(json_of(request.body), _event)])


def _event(request: WebhookRequest, element: Any, now: datetime) -> InboundEvent:
    topic, identity = (request.headers.get(name, "") for name in _TOPICS[request.provider])
    body = object_of(element)
    payload = {"topic": topic, "body": body}
    return InboundEvent(request.provider, identity or hash_of(payload), "changed", now, payload)
