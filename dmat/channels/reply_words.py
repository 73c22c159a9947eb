"""Words by which people end text messages or ask for help, in several languages.

Belongs here: the words as data, and comparing a reply with them. Stays out: what a reply changes
(`dmat/ledger/receive.py`).
Only a reply that begins with such a word counts: "stop" and "Stop!" end the messages, "please do not stop" does not.
STOP and HELP are understood everywhere; the carriers of the US also demand the English synonyms.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

STOP: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "en": ("stop", "stopall", "unsubscribe", "end", "quit", "cancel", "revoke", "optout"),
        "de": ("stopp", "abmelden", "abbestellen", "ende", "beenden"),
        "fr": ("arret", "arreter", "desabonner", "desinscrire", "annuler"),
        "es": ("baja", "parar", "alto", "cancelar", "detener"),
        "it": ("ferma", "basta", "annulla", "disiscrivi", "cancellami"),
        "pt": ("pare", "sair", "descadastrar", "remover"),
        "nl": ("afmelden", "uitschrijven", "stoppen"),
        "pl": ("wypisz", "koniec", "rezygnuje"),
        "sv": ("avsluta", "avregistrera"),
        "da": ("afmeld",),
        "nb": ("avmeld", "stans"),
        "fi": ("lopeta", "peru"),
        "tr": ("dur", "iptal", "ret"),
        "ru": ("стоп", "отписаться"),
        "el": ("τελοσ", "διαγραφη"),
        "ar": ("توقف", "الغاء"),
        "hi": ("रुकें", "बंद"),
        "ja": ("停止", "ストップ"),
        "zh": ("停止", "退订", "退訂"),
    }
)
HELP: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "en": ("help", "info"),
        "de": ("hilfe",),
        "fr": ("aide", "contact"),
        "es": ("ayuda",),
        "it": ("aiuto",),
        "pt": ("ajuda",),
        "nl": ("hulp",),
        "pl": ("pomoc",),
        "sv": ("hjalp",),
        "tr": ("yardim",),
        "ru": ("помощь",),
    }
)


def bare_word(text: str) -> str:
    """The first word of a reply without case, accents and signs around it."""
    words = unicodedata.normalize("NFKD", text).casefold().split()
    if not words:
        return ""
    kept = (letter for letter in words[0] if not _is_sign(letter))
    return unicodedata.normalize("NFC", "".join(kept))


def _is_sign(letter: str) -> bool:
    """Combining accents and all that is no letter; the vowel signs of Indian scripts belong to their letters."""
    kind = unicodedata.category(letter)
    return not (kind.startswith("L") or kind == "Mc" or (kind == "Mn" and "\u0900" <= letter <= "\u0dff"))


_STOP = frozenset(bare_word(word) for words in STOP.values() for word in words)
_HELP = frozenset(bare_word(word) for words in HELP.values() for word in words)


def means_stop(text: str) -> bool:
    """Whether a reply ends the messages."""
    return bare_word(text) in _STOP


def means_help(text: str) -> bool:
    """Whether a reply asks for help."""
    return bare_word(text) in _HELP
