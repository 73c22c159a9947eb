"""Secrets and signatures of webhooks out, in the Standard Webhooks scheme, so that receivers find libraries for it.

Belongs here: making secrets, signing with all that are valid, which addresses may be set up. Stays out: the scheme
itself (`dmat/channels/webhook.py`), keeping secrets (`endpoints.py`), looking where a name leads when it is called
(`dmat/connectors/guarded.py`).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from dmat.channels.addresses import is_valid_web_address
from dmat.channels.webhook import SECRET_PREFIX, sign_call
from dmat.connectors.guarded import is_public
from dmat.errors import InvalidInputError

OWN_NAMES = ("localhost", ".localhost", ".local", ".internal")


def new_secret() -> str:
    """A fresh secret of 192 bits."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def sign(wanted: Sequence[str], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt; signed with each of the secrets, of which a receiver knows one."""
    signed = [sign_call(secret, event_id, timestamp, body) for secret in wanted]
    return signed[0] | {"webhook-signature": " ".join(each["webhook-signature"] for each in signed)}


def check_address(url: str, allows_private: bool = False) -> None:
    """Refuse an address that cannot be called; where its name leads is looked at again at each call.

    Raises:
        InvalidInputError: no web address, not encrypted, or inside our own network.
    """
    if not is_valid_web_address(url):
        raise InvalidInputError("url", "it is no web address", "https://host/path")
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if allows_private:
        return
    if parts.scheme != "https":
        raise InvalidInputError("url", "it is not encrypted", "https://...")
    if host.endswith(OWN_NAMES) or (_is_number(host) and not is_public(host)):
        raise InvalidInputError("url", f"{host} leads into a private network", "a public address")


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
