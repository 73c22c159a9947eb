"""A webhook as it arrived, and the arithmetic that proofs of origin have in common.

Belongs here: that. Stays out: any vendor's way of signing (one file each).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from dmat.errors import UnverifiedError


@dataclass(frozen=True)
class WebhookRequest:
    """What arrived: header names in lower case, the body as sent, the address as the vendor knows it."""

    provider: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_epoch: float


def known(secret: str, vendor: str) -> str:
    """The secret.

    Raises:
        UnverifiedError: none is set, so nothing can be believed.
    """
    if not secret:
        raise UnverifiedError(f"no webhook key is set for {vendor}")
    return secret


def sha256(secret: str, body: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()


def is_same(expected: bytes, given: bytes) -> bool:
    """Compare in a time that does not depend on where they differ."""
    return hmac.compare_digest(expected, given)


def from_base64(text: str) -> bytes:
    """The bytes, or none when it is not base64."""
    try:
        return base64.b64decode(text.encode("ascii", "replace"), validate=True)
    except (binascii.Error, ValueError):
        return b""


def has_password(request: WebhookRequest, user: str, password: str) -> bool:
    """Whether the request carries this user and password (basic authentication)."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    expected = f"{user}:{password}".encode()
    return scheme.lower() == "basic" and is_same(expected, from_base64(given.strip()))
