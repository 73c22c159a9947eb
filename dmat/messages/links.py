"""Links: signed, so that nobody can make one up or alter one; the key is kept in the workspace folder.

Belongs here: the key, every link of ours in a message, adding parameters to an address. Stays out: answering them
(`apps/api`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dmat.errors import UnverifiedError
from dmat.messages.signing import Signer
from dmat.settings import Settings

_LONGEST_TOKEN = 4096
_NONCE_BYTES, _OLD_TOKEN = 12, "gAAAA"


@dataclass(frozen=True)
class Unsubscribe:
    """Who unsubscribes from what: it is enough without the store, and cannot be read from the link."""

    message_id: str
    address: str
    channel: str


def link_key(settings: Settings) -> bytes:
    """The workspace's signing key: the setting, else `<home>/keys/links.key`, made once."""
    secret = settings.secret_key.get_secret_value()
    return hashlib.sha256(secret.encode()).digest() if secret else _key_of_file(settings)


def _key_of_file(settings: Settings) -> bytes:
    path = settings.home / "keys" / "links.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".links.{os.getpid()}.{secrets.token_hex(4)}.tmp")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_hex(32))
        try:
            os.link(temporary, path)  # fails when another process was first: then its key is the key
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return bytes.fromhex(path.read_text().strip())


class Links:
    """Makes and reads the links of one workspace."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.resolved_public_url.rstrip("/")
        key = link_key(settings)
        self._click_key = hmac.new(key, b"click", hashlib.sha256).digest()
        self._open, self._view = Signer(key, "open"), Signer(key, "view")
        self._preferences, self._opt_in = Signer(key, "preferences"), Signer(key, "opt-in")
        self._sealed = AESGCM(hmac.new(key, b"unsubscribe:sealed", hashlib.sha256).digest())
        self._fernet = Fernet(base64.urlsafe_b64encode(hmac.new(key, b"unsubscribe", hashlib.sha256).digest()))

    def click_url(self, message_id: str, target: str) -> str:
        """A link of ours that notes the click and leads to `target`."""
        body = _encode(orjson.dumps([message_id, target]))
        return f"{self._base}/c/{body}.{_encode(self._sign(body))}"

    def read_click(self, token: str) -> tuple[str, str]:
        """(message id, target) of a click token.

        Raises:
            UnverifiedError: we did not make it, or somebody altered it.
        """
        body, _, signature = token.partition(".")
        expected, given = _encode(self._sign(body)).encode(), signature.encode("utf-8", "replace")
        if len(token) > _LONGEST_TOKEN or not hmac.compare_digest(expected, given):
            raise UnverifiedError("this link is not one of ours")
        message_id, target = json.loads(_decode(body))
        return str(message_id), str(target)

    def unsubscribe_url(self, message_id: str, address: str, channel: str = "email") -> str:
        """The link of one message that unsubscribes its recipient."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._sealed.encrypt(nonce, orjson.dumps([message_id, address, channel]), None)
        return f"{self._base}/u/{_encode(nonce + sealed)}"

    def read_unsubscribe(self, token: str) -> Unsubscribe:
        """What an unsubscribe token says.

        Raises:
            UnverifiedError: we did not make it, or somebody altered it.
        """
        try:
            if len(token) > _LONGEST_TOKEN:
                raise InvalidToken
            return Unsubscribe(*json.loads(self._unseal(token)))
        except (InvalidToken, InvalidTag):
            raise UnverifiedError("this link is not one of ours") from None

    def _unseal(self, token: str) -> bytes:
        if token.startswith(_OLD_TOKEN):  # as older messages carry them
            return self._fernet.decrypt(token.encode("ascii", "replace"))
        raw = _decode(token)
        if _encode(raw) != token or len(raw) <= _NONCE_BYTES:
            raise InvalidTag
        return self._sealed.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None)

    def open_url(self, message_id: str) -> str:
        """The address of the picture of one pixel that says that a message was opened."""
        return f"{self._base}/o/{self._open.sign(message_id)}.gif"

    def read_open(self, token: str) -> str:
        """The message of an open token (without `.gif`); raises `UnverifiedError`."""
        return self._open.read(token)

    def view_url(self, message_id: str) -> str:
        """The page that shows a message as it was sent."""
        return f"{self._base}/v/{self._view.sign(message_id)}"

    def read_view(self, token: str) -> str:
        """The message of a view token; raises `UnverifiedError`."""
        return self._view.read(token)

    def preferences_url(self, message_id: str) -> str:
        """The preference centre of the person who got a message."""
        return f"{self._base}/p/{self._preferences.sign(message_id)}"

    def read_preferences(self, token: str) -> str:
        """The message of a preferences token; raises `UnverifiedError`."""
        return self._preferences.read(token)

    def opt_in_url(self, opt_in_id: str) -> str:
        """The page on which somebody confirms that they want our messages."""
        return f"{self._base}/confirm/{self._opt_in.sign(opt_in_id)}"

    def read_opt_in(self, token: str) -> str:
        """The id of the asking of a confirm token; raises `UnverifiedError`."""
        return self._opt_in.read(token)

    def _sign(self, body: str) -> bytes:
        return hmac.digest(self._click_key, body.encode("utf-8", "replace"), hashlib.sha256)[:18]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode("ascii", "replace") + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise UnverifiedError("this link is not one of ours") from None


def add_parameters(url: str, **parameters: str) -> str:
    """The address with query parameters added; what it carries already stays, one of the same name is replaced."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in parameters]
    return urlunsplit(parts._replace(query=urlencode([*kept, *parameters.items()])))


def is_web_address(url: str) -> bool:
    """Whether a link may be followed: http or https with a host, and nothing else (no `javascript:`)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
