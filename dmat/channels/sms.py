"""SMS: what a text costs and how it leaves - segments, prices, the way out, who it comes from.

Belongs here: rules of the channel. Stays out: vendors (`dmat/connectors/twilio.py`, `dmat/connectors/vonage.py`), and
the words themselves (`dmat/messages`).

A text of GSM 03.38 signs has 160 of them, or 153 in each part when it has several; with one sign beyond that alphabet
all of it is UCS-2: 70, or 67 in each part. Signs of the extension table take two places; a pair is never cut in two.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dmat.errors import InvalidInputError
from dmat.settings import Settings

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
LONGEST_TEXT = 1600  # characters; no vendor takes more
MANY_SEGMENTS = 4
LONG_LINK = 40
PRICES = Path(__file__).with_name("sms_prices.csv")
OPT_OUT_LINES = {
    "de": "Abmelden: STOP antworten",
    "en": "Reply STOP to opt out",
    "es": "Responde STOP para darte de baja",
    "fr": "Envoyez STOP pour ne plus recevoir",
    "it": "Rispondi STOP per non ricevere altri SMS",
    "nl": "Antwoord STOP om af te melden",
    "pl": "Odpisz STOP, aby zrezygnowac",
    "pt": "Responda STOP para sair",
}
OPT_OUT_LINK = {"de": "Abmelden", "en": "Opt out", "es": "Baja", "fr": "Stop", "it": "Stop", "nl": "Afmelden"}
PLAIN_SIGNS = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2013": "-", "\u2014": "-"}
    | {"\u2026": "...", "\u00a0": " ", "\u202f": " ", "\t": " ", "\u2022": "-"}
)
SHARED_SHORTENERS = frozenset({"bit.ly", "tinyurl.com", "goo.gl", "t.co", "ow.ly", "is.gd", "cutt.ly", "rb.gy"})
_LINK = re.compile(r"https?://[^\s]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_NUMBER = re.compile(r"\+?[1-9][0-9]{6,14}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")


@dataclass(frozen=True)
class Segments:
    """How a text travels: the alphabet, the places it takes, the parts it is sent and paid in."""

    encoding: str  # GSM-7 or UCS-2
    units: int
    count: int


@dataclass(frozen=True)
class Cost:
    """An estimate: millionths of a currency, and the day of the price behind it."""

    micros: int
    currency: str
    as_of: str


@dataclass(frozen=True)
class Hint:
    """Something to look at before a text is used; `is_fault` stops it."""

    code: str
    what: str
    is_fault: bool = False


def count_segments(text: str) -> Segments:
    """The parts in which a text is sent; no text is no part."""
    is_gsm = all(sign in GSM or sign in GSM_EXTENSION for sign in text)
    sizes = [_gsm_size(sign) if is_gsm else _ucs2_size(sign) for sign in text]
    units, alone, together = sum(sizes), (160 if is_gsm else 70), (153 if is_gsm else 67)
    count = (1 if units else 0) if units <= alone else _parts(sizes, together)
    return Segments("GSM-7" if is_gsm else "UCS-2", units, count)


def _gsm_size(sign: str) -> int:
    return 2 if sign in GSM_EXTENSION else 1


def _ucs2_size(sign: str) -> int:
    return 2 if ord(sign) > 0xFFFF else 1


def _parts(sizes: list[int], room: int) -> int:
    count, used = 1, 0
    for size in sizes:
        if used + size > room:
            count, used = count + 1, 0
        used += size
    return count


def plain_signs(text: str) -> str:
    """The text with typographic signs (curly quotes, dashes, narrow spaces) as GSM has them, which halves its cost."""
    return text.translate(PLAIN_SIGNS)


def clean_text(text: str) -> str:
    """The text as it may leave: line breaks stay, other control signs and blanks at its ends go.

    Raises:
        InvalidInputError: nothing is left, or it is longer than any vendor takes.
    """
    cleaned = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not cleaned:
        raise InvalidInputError("text", "is empty")
    if len(cleaned) > LONGEST_TEXT:
        raise InvalidInputError("text", f"has {len(cleaned)} characters", f"up to {LONGEST_TEXT}")
    return cleaned


def is_valid_sender(sender: str) -> bool:
    """A number, a short code, a messaging service (`MG...`), or a name: up to 11 characters, one of them a letter."""
    return any(rule.fullmatch(sender) for rule in (_NUMBER, _SHORT_CODE, _SERVICE, _NAME))


def takes_replies(sender: str) -> bool:
    """Whether people can answer STOP: a name cannot be answered, so its texts need a link to leave by."""
    return any(rule.fullmatch(sender) for rule in (_NUMBER, _SHORT_CODE, _SERVICE))


def with_opt_out(text: str, locale: str = "en", link: str = "") -> str:
    """The text with the line that says how to leave, unless it is there; `link` for senders that take no replies."""
    if has_opt_out(text, link):
        return text
    language = locale.replace("_", "-").split("-")[0].lower()
    if link:
        return f"{text}\n{OPT_OUT_LINK.get(language, OPT_OUT_LINK['en'])}: {link}"
    return f"{text}\n{OPT_OUT_LINES.get(language, OPT_OUT_LINES['en'])}"


def has_opt_out(text: str, link: str = "") -> bool:
    """Whether a text says how to leave."""
    return (link in text) if link else re.search(r"\bSTOP\b", text) is not None


def look_at(text: str) -> list[Hint]:
    """What a marketer should know of a text before it is used, faults first."""
    segments = count_segments(text)
    hints = [*_faults(text), *_signs_that_cost(text, segments)]
    if segments.count >= MANY_SEGMENTS:
        hints.append(Hint("long", f"it is sent and paid as {segments.count} messages"))
    if not has_opt_out(text):
        hints.append(Hint("no_opt_out", f'it does not say how to leave, e.g. "{OPT_OUT_LINES["en"]}"'))
    for link in _LINK.findall(text):
        host = link.split("/")[2].lower()
        if host in SHARED_SHORTENERS:
            hints.append(Hint("shared_shortener", f"networks often block links of {host}: use an address of your own"))
        elif len(link) > LONG_LINK:
            hints.append(Hint("long_link", f"a link takes {len(link)} places: {link[:30]}..."))
    return hints


def _faults(text: str) -> list[Hint]:
    try:
        clean_text(text)
    except InvalidInputError as error:
        return [Hint("text", str(error), is_fault=True)]
    return []


def _signs_that_cost(text: str, segments: Segments) -> list[Hint]:
    if segments.encoding == "GSM-7":
        return []
    signs = sorted({sign for sign in text if sign not in GSM and sign not in GSM_EXTENSION})
    plain = count_segments(plain_signs(text))
    saved = f"; with plain signs it would be {plain.count}" if plain.count < segments.count else ""
    shown = " ".join(signs[:8])
    return [Hint("ucs2", f"because of {shown} only 70 signs fit: {segments.count} messages{saved}")]


def estimate_cost(settings: Settings, to: str, count: int) -> Cost:
    """What `count` segments to a number cost, by the workspace's table of prices; the longest prefix wins."""
    prices = read_prices(Path(settings.sms_prices_file) if settings.sms_prices_file else PRICES)
    digits = to.removeprefix("+")
    found = next(prices[digits[:size]] for size in range(len(digits), -1, -1) if digits[:size] in prices)
    return Cost(found.micros * count, found.currency, found.as_of)


@lru_cache(maxsize=4)
def read_prices(path: Path) -> dict[str, Cost]:
    """Prefix -> price of one segment; the empty prefix is everywhere else.

    Raises:
        InvalidInputError: the file cannot be read, a row is not as it should be, or the empty prefix is missing.
    """
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        prices = {row["prefix"].strip("+ "): Cost(int(row["micros"]), row["currency"], row["as_of"]) for row in rows}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError("DMAT_SMS_PRICES_FILE", f"cannot be read: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidInputError("DMAT_SMS_PRICES_FILE", "a row is wrong", "prefix,micros,currency,as_of") from None
    if "" not in prices:
        raise InvalidInputError("DMAT_SMS_PRICES_FILE", "the row with the empty prefix (everywhere else) is missing")
    return prices
