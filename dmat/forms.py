"""Forms of texts that stand in several shapes, each with its words for a refusal.

Belongs here: these patterns. Stays out: the shapes, and forms that only one of them has (the description of its field
tells them).
"""

from __future__ import annotations

OR_NOTHING = r"^$|"
TIME = r"^([01]\d|2[0-3]):[0-5]\d$"
ADDRESS = r"^[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[^@\s<>\"',;]+$"
WEB_ADDRESS = r"^https?://[^\s<>\"']+$"
PATH = r"^/[^\s<>\"']*$"
LINK = f"{WEB_ADDRESS}|{PATH}"
ONE_LINE = r"^[^\r\n\x00]*$"
CURRENCY = r"^[A-Z]{3}$"
KEY = r"^[a-z0-9][a-z0-9_-]{0,59}$"

_SAID = {
    TIME: "a time of day from 00:00 to 23:59",
    ADDRESS: "an address, as name@shop.example",
    WEB_ADDRESS: "an address that begins with https:// or http://",
    PATH: "a path that begins with /",
    LINK: "an address that begins with https:// or http://, or a path that begins with /",
    CURRENCY: "three capital letters, as EUR",
    KEY: "up to 60 small letters a to z, digits, - and _, beginning with a letter or a digit",
}
WORDS = _SAID | {OR_NOTHING + form: f"{words}, or nothing" for form, words in _SAID.items()} | {ONE_LINE: "one line"}
"""A form -> its words."""
