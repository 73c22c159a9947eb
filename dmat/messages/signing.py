"""Signed tokens: a short text that we wrote and nobody altered, e.g. a message id in the address of a pixel.

Belongs here: signing and reading, a key for each kind of token so that one never passes for another. Stays out: the
workspace's key and which links there are (`dmat/messages/links.py`). The text can be read by whoever has the token:
nothing personal goes in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from dmat.errors import UnverifiedError

SIGNATURE_BYTES = 18
_LONGEST = 1024
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:~")


class Signer:
    """Signs and reads the tokens of one kind.

    >>> Signer(key, "open").read(Signer(key, "open").sign("5f0c"))
    '5f0c'
    """

    def __init__(self, key: bytes, kind: str) -> None:
        self._key = hmac.digest(key, f"token:{kind}".encode(), hashlib.sha256)

    def sign(self, text: str) -> str:
        """A token that says `text`; letters, digits and `-_:~` only.

        Raises:
            ValueError: other characters, which an address could not carry as they are.
        """
        if not text or not _SAFE.issuperset(text):
            raise ValueError(f"{text[:100]!r} cannot be signed: letters, digits and -_:~ only")
        return f"{text}.{self._signature(text)}"

    def read(self, token: str) -> str:
        """What a token says.

        Raises:
            UnverifiedError: we did not make it, or somebody altered it.
        """
        text, _, signature = token.rpartition(".")
        given = signature.encode("utf-8", "replace")
        if len(token) > _LONGEST or not text or not hmac.compare_digest(self._signature(text).encode(), given):
            raise UnverifiedError("this link is not one of ours")
        return text

    def _signature(self, text: str) -> str:
        digest = hmac.digest(self._key, text.encode("utf-8", "replace"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode()
