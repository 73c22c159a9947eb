"""What a valid address is, channel by channel: the gate refuses what no vendor could take.

Belongs here: the form of addresses. Stays out: whether somebody may be written to (`dmat/consent`), and making an
address normal (staging does that).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from dmat.channels.email import are_surely_valid, is_valid_address

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PERSON = re.compile(r"person:[0-9]{1,19}")
_TOKEN = re.compile(r"[A-Za-z0-9_:.=+/-]{8,300}")
PHONE_RULE = "a plus sign, the country's prefix and the number: +4915112345678"


def is_valid_phone(address: str) -> bool:
    """Whether it is a number as E.164 writes it, with the plus sign and nothing else."""
    return _E164.fullmatch(address) is not None


def is_valid_token(address: str) -> bool:
    """Whether it may be the token of a device or the id of a subscription."""
    return _TOKEN.fullmatch(address) is not None


def is_valid_web_address(address: str) -> bool:
    """Whether it is an http(s) address with a host and without user or password in it."""
    if not address.isascii() or len(address) > 2000 or any(sign.isspace() for sign in address):
        return False
    try:
        parts = urlsplit(address)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and has_port and "@" not in parts.netloc


def is_person(address: str) -> bool:
    """Whether it names a person by number, where the address itself is the workspace's."""
    return _PERSON.fullmatch(address) is not None


_RULES: Mapping[str, Callable[[str], bool]] = {
    "email": is_valid_address,
    "sms": is_valid_phone,
    "whatsapp": is_valid_phone,
    "push": is_valid_token,
    "webhook": is_person,
}


def is_valid(channel: str, address: str) -> bool:
    """Whether a message of `channel` can be sent to `address`; channels that people pull have no rule of address."""
    rule = _RULES.get(channel)
    return True if rule is None else rule(address)


def find_invalid(channel: str, addresses: Sequence[str]) -> set[str]:
    """Those of the addresses that no message of `channel` can be sent to: `is_valid`, for thousands at once."""
    if channel == "email" and are_surely_valid(addresses):
        return set()
    return {address for address in addresses if not is_valid(channel, address)}
