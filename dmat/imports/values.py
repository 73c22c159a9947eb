"""What a text means: numbers, times, addresses, yes and no.

Belongs here: for each type one function that gives the value or says what is wrong, and reading a whole column by it
(each different text once, so that a million lines take seconds). Stays out: fields and kinds.

Rules, the same for every file and shown before anything is written:
- Decimal mark: the column decides. It is the comma when more values can only be read so (`1.234,50`, `12,5`) than can
  only be read with a point; `1,234` alone proves nothing and then means one thousand two hundred and thirty-four.
- Day and month: the column decides. A first number above 12 makes it day first, a second number above 12 month first;
  when nothing decides, day first. Two-digit years up to 68 are 20xx. Times without zone are UTC.
- A value that does not fit its column is refused, never bent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from dmat.clock import as_utc

YES = ("true", "t", "yes", "y", "1", "ja", "j", "oui", "o", "si", "x", "subscribed", "opt-in", "optin", "opted in")
NO = ("false", "f", "no", "n", "0", "nein", "non", "unsubscribed", "not_subscribed", "opt-out", "optout", "opted out")
COUNTRIES = {
    "AT": "austria,österreich", "AU": "australia", "BE": "belgium,belgique,belgien", "BH": "bahrain", "BR": "brazil",
    "CA": "canada", "CH": "switzerland,schweiz,suisse", "CY": "cyprus", "CZ": "czech republic,czechia",
    "DE": "germany,deutschland,allemagne", "DK": "denmark", "ES": "spain,españa,spanien", "FI": "finland",
    "FR": "france,frankreich", "GB": "united kingdom,uk,great britain,england", "GR": "greece", "HK": "hong kong",
    "IE": "ireland,eire", "IL": "israel", "IS": "iceland", "IT": "italy,italia,italien", "JP": "japan",
    "LB": "lebanon", "LT": "lithuania", "MT": "malta", "NL": "netherlands,niederlande,holland", "NO": "norway",
    "PL": "poland,polska,polen", "PT": "portugal", "SA": "saudi arabia", "SE": "sweden,schweden", "SG": "singapore",
    "AE": "united arab emirates", "US": "usa,united states,united states of america", "IN": "india", "CN": "china",
    "MX": "mexico", "NZ": "new zealand", "ZA": "south africa", "TR": "turkey,türkiye", "UA": "ukraine",
}  # fmt: skip
CURRENCY_SIGNS = {"£": "GBP", "€": "EUR", "$": "USD", "¥": "JPY"}
CURRENCY_OF_COUNTRY = {
    "GB": "GBP", "US": "USD", "CH": "CHF", "JP": "JPY", "CA": "CAD", "AU": "AUD", "SE": "SEK", "NO": "NOK",
    "DK": "DKK", "PL": "PLN", "CZ": "CZK", "BR": "BRL", "SG": "SGD", "HK": "HKD", "IN": "INR", "CN": "CNY",
}  # fmt: skip


COUNTRY_CODES = {name: code for code, names in COUNTRIES.items() for name in names.split(",")}
BLANKS = " \t\r\n\u00a0\ufeff\u200b"
NOTHING = {"", "NULL", "NaN", "NaT", "#N/A"}
DECIMALS = 4


@dataclass(frozen=True)
class Style:
    """How one column writes numbers and times."""

    decimal_comma: bool = False
    day_first: bool = True
    is_decided: bool = True


@dataclass(frozen=True)
class ColumnValues:
    """A column as values of its type: null where there is none or it is bad; `problems` says what is bad."""

    values: pa.Array
    problems: pa.Array


def trim_texts(texts: pa.Array) -> pa.Array:
    """The texts without blanks around them; null where nothing is left or the text says that there is nothing."""
    return _each(texts, pa.string(), lambda text: None if text.strip(BLANKS) in NOTHING else text.strip(BLANKS))


def read_column(texts: pa.Array, type_name: str, style: Style) -> ColumnValues:
    """Read trimmed texts as values of a type."""
    read, arrow_type, _ = TYPES[type_name]
    problems: dict[str, str] = {}

    def value_of(text: str) -> Any:
        try:
            return read(text, style)
        except ValueError as error:
            problems[text] = str(error)
            return None

    values = _each(texts, arrow_type, value_of)
    return ColumnValues(values, _each(texts, pa.string(), problems.get))


def allowed(type_name: str, style: Style) -> str:
    """What a type accepts, in words, given how the column is written."""
    if type_name in ("number", "money"):
        return "a number, e.g. " + ("1.234,50" if style.decimal_comma else "1,234.50")
    if type_name in ("time", "date"):
        return "ISO 8601, or " + ("day/month/year" if style.day_first else "month/day/year")
    return TYPES[type_name][2]


def _each(texts: pa.Array, arrow_type: pa.DataType, convert: Callable[[str], Any]) -> pa.Array:
    """Convert each different text once."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    encoded = texts.dictionary_encode()
    converted = [None if text is None else convert(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(converted, arrow_type).take(encoded.indices)


def find_style(texts: pa.Array, type_name: str) -> Style:
    """How the (trimmed) values of a column are written; see the rules above."""
    values = [text for text in texts.dictionary_encode().dictionary.to_pylist() if text]
    if type_name in ("number", "money"):
        commas = _count(r"(,\d{1,2}|,\d{4,}|\.\d{3},\d+|^[+-]?0,\d+)\D*$", values)
        points = _count(r"(\.\d{1,2}|\.\d{4,}|,\d{3}\.\d+|^[+-]?0\.\d+)\D*$", values)
        is_decided = bool(commas or points) or not _count(r"[.,]\d", values)
        return Style(decimal_comma=commas > points, is_decided=is_decided)
    if type_name in ("time", "date"):
        days = _count(r"^(1[3-9]|2\d|3\d)[./-]\d{1,2}[./-]\d{2}", values)
        months = _count(r"^\d{1,2}[./-](1[3-9]|2\d|3\d)[./-]\d{2}", values)
        open_ones = _count(r"^\d{1,2}[./-]\d{1,2}[./-]\d{2}", values)
        return Style(day_first=days >= months, is_decided=bool(days or months) or not open_ones)
    return Style()


def _count(pattern: str, values: Iterable[str]) -> int:
    found = re.compile(pattern).search
    return sum(1 for value in values if found(value))


# One function a type: the value, or ValueError with what is wrong ----------------------------------------------------

_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\]\\]+@[^\W_]([\w-]*[^\W_])?(\.[^\W_]([\w-]*[^\W_])?)*\.[^\W\d_]{2,63}")
_NAMED_EMAIL = re.compile(r"^[^<>]*<([^<>]+)>$")
_ROUNDED = re.compile(r"\d[.,]\d+[eE]\+?\d+")
_MONEY_WORDS = re.compile(r"[\s\u00a0'’£€$¥]|EUR|GBP|USD|CHF", re.IGNORECASE)
_WITH_POINT = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][+-]?\d{1,2})?")
_WITH_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)?(,\d+)?([eE][+-]?\d{1,2})?")
_SHORT_TIME = re.compile(
    r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})"
    r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp][Mm])?)?"
)
_YEAR_FIRST = re.compile(r"^(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})(?=$|[T ])")
_NAMED_MONTHS = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y %H:%M", "%d %b %Y %H:%M:%S")


def read_text(text: str, style: Style) -> str:
    """Any text."""
    return text


def read_email(text: str, style: Style) -> str:
    """An address in lower case; `Ada <ada@shop.example>` gives the address."""
    named = _NAMED_EMAIL.match(text)
    address = (named[1] if named else text).strip().lower().removeprefix("mailto:")
    local = address.split("@")[0]
    if not _EMAIL.fullmatch(address) or len(address) > 254 or ".." in address or local.strip(".") != local:
        raise ValueError("is not an e-mail address")
    return address


def read_phone(text: str, style: Style) -> str:
    """Digits, with a leading + where the country is given."""
    digits = re.sub(r"[\s().\u00a0/-]", "", text)
    digits = "+" + digits[2:] if digits.startswith("00") else digits
    if _ROUNDED.fullmatch(text):
        raise ValueError("is a number that a spreadsheet has rounded")
    if not re.fullmatch(r"\+?\d{6,15}", digits):
        raise ValueError("is not a phone number")
    return digits


def read_number(text: str, style: Style) -> Decimal:
    """A number with up to four decimals; `(12.50)` and `12.50-` are negative."""
    bare = _MONEY_WORDS.sub("", text)
    if bare.startswith("(") and bare.endswith(")"):
        bare = "-" + bare[1:-1]
    if bare.endswith("-"):
        bare = "-" + bare[:-1]
    pattern = _WITH_COMMA if style.decimal_comma else _WITH_POINT
    if not pattern.fullmatch(bare) or not re.search(r"\d", bare):
        raise ValueError("is not a number")
    plain = bare.replace(".", "").replace(",", ".") if style.decimal_comma else bare.replace(",", "")
    try:
        number = Decimal(plain)
        exact = number.quantize(Decimal(1).scaleb(-DECIMALS))
    except InvalidOperation:
        raise ValueError("is too large") from None
    if exact != number:
        raise ValueError("has more than four decimals")
    if abs(exact) >= 10**12:
        raise ValueError("is too large")
    return exact


def read_whole(text: str, style: Style) -> int:
    """A whole number from 0 on."""
    if not re.fullmatch(r"\d{1,9}", text):
        raise ValueError("is not a whole number")
    return int(text)


def read_time(text: str, style: Style) -> datetime:
    """A time in UTC: ISO 8601, day/month/year or month/day/year, named months, seconds since 1970."""
    moment = _read_moment(text, style.day_first)
    if not 1900 <= moment.year < 2100:
        raise ValueError("is out of range")
    return moment


def _read_moment(text: str, day_first: bool) -> datetime:
    short = _SHORT_TIME.fullmatch(text)
    if short:
        return _short_moment(short, day_first)
    if re.fullmatch(r"\d{10}(\.\d+)?|\d{13}", text):
        seconds = int(text) / 1000 if len(text) == 13 else float(text)
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    iso = _YEAR_FIRST.sub(lambda m: f"{m[1]}-{m[2]:0>2}-{m[3]:0>2}", text.removesuffix(" UTC"))
    try:
        return as_utc(datetime.fromisoformat(iso))
    except ValueError:
        return _named_moment(text)


def _short_moment(found: re.Match[str], day_first: bool) -> datetime:
    day, month = (found[1], found[2]) if day_first else (found[2], found[1])
    year = int(found[3]) if len(found[3]) == 4 else int(found[3]) + (2000 if int(found[3]) <= 68 else 1900)
    hour = int(found[4] or 0)
    if found[7]:
        if not 1 <= hour <= 12:
            raise ValueError("is not a time")
        hour = hour % 12 + (12 if found[7].lower() == "pm" else 0)
    try:
        return datetime(year, int(month), int(day), hour, int(found[5] or 0), int(found[6] or 0))
    except ValueError:
        raise ValueError("is not a time") from None


def _named_moment(text: str) -> datetime:
    for form in _NAMED_MONTHS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise ValueError("is not a time")


def read_date(text: str, style: Style) -> date:
    """The day of a time."""
    return read_time(text, style).date()


def read_truth(text: str, style: Style) -> bool:
    """Yes or no in several languages; anything else is refused, for consent is never guessed."""
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return False
    raise ValueError("is neither yes nor no")


def read_country(text: str, style: Style) -> str:
    """The ISO code of a country given as code or by its name."""
    code = COUNTRY_CODES.get(text.lower()) or (text.upper() if re.fullmatch("[A-Za-z]{2}", text) else "")
    if not code:
        raise ValueError("is not a country we know")
    return code


def read_currency(text: str, style: Style) -> str:
    """The ISO code of a currency given as code or sign."""
    code = CURRENCY_SIGNS.get(text) or (text.upper() if re.fullmatch("[A-Za-z]{3}", text) else "")
    if not code:
        raise ValueError("is not a currency")
    return code


TYPES: Mapping[str, tuple[Callable[[str, Style], Any], pa.DataType, str]] = {
    "text": (read_text, pa.string(), "any text"),
    "email": (read_email, pa.string(), "name@domain.tld"),
    "phone": (read_phone, pa.string(), "6 to 15 digits, e.g. +49 30 1234567"),
    "number": (read_number, pa.decimal128(18, DECIMALS), "a number"),
    "money": (read_number, pa.decimal128(18, DECIMALS), "a number"),
    "whole": (read_whole, pa.int64(), "a whole number from 0 on"),
    "time": (read_time, pa.timestamp("us"), "a time"),
    "date": (read_date, pa.date32(), "a date"),
    "truth": (read_truth, pa.bool_(), "yes or no, true or false"),
    "country": (read_country, pa.string(), "ISO code, e.g. DE"),
    "currency": (read_currency, pa.string(), "ISO code, e.g. EUR"),
}
