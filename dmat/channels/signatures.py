"""Verifying that a webhook comes from the vendor it names: over the raw body, before anything is read from it.

Belongs here: the one question. Stays out: how each vendor signs (`dmat/channels/vendors`), signing
(`dmat/simulate/vendors/signatures.py`, on purpose apart) and what is in the body (`dmat/channels/events.py`).
"""

from __future__ import annotations

from dmat.channels.vendors.registry import WEBHOOKS
from dmat.channels.vendors.request import WebhookRequest
from dmat.errors import UnverifiedError
from dmat.settings import Settings

__all__ = ["PROVIDERS", "WebhookRequest", "verify"]
PROVIDERS = tuple(WEBHOOKS)


def verify(settings: Settings, request: WebhookRequest) -> None:
    """Check where a request comes from.

    Raises:
        UnverifiedError: its proof is missing or wrong, too old, or no key is set for the vendor.
    """
    if not WEBHOOKS[request.provider].verify(settings, request):
        raise UnverifiedError(f"the signature of {request.provider} does not match the body")
