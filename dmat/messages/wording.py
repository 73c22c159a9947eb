"""Values in words: money and days as people of a language write them.

Belongs here: a small table of languages. Stays out: which value a person has (`variables.py`).
"""

from __future__ import annotations

from datetime import date

from dmat.messages.personalise import SYMBOLS, WITHOUT_CENTS

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
DAY = {"de": "{day}. {month} {year}", "es": "{day} de {month} de {year}", "pt": "{day} de {month} de {year}"}
SEPARATORS = {"en": (",", "."), "fr": ("\u202f", ","), "de": (".", ","), "es": (".", ","), "it": (".", ","),
              "nl": (".", ","), "pt": (".", ",")}  # fmt: skip


def language_of(locale: str) -> str:
    """The language whose words we know: `de` for `de-AT`, else English."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return language if language in MONTHS else "en"


def money_in_words(cents: int, currency_code: str, locale: str = "") -> str:
    """`€1,234.50` in English, `1.234,50 €` elsewhere; a currency without a sign of its own by its code."""
    language = language_of(locale)
    thousands, point = SEPARATORS[language]
    whole = f"{abs(cents) // 100:,}".replace(",", thousands)
    amount = whole if currency_code in WITHOUT_CENTS else f"{whole}{point}{abs(cents) % 100:02d}"
    sign, symbol = "-" if cents < 0 else "", SYMBOLS.get(currency_code, "")
    if language == "en":
        return f"{sign}{symbol}{amount}" if symbol else f"{sign}{amount} {currency_code}"
    return f"{sign}{amount}\u00a0{symbol or currency_code}"


def day_in_words(day: date, locale: str = "") -> str:
    """`5 March 2026`."""
    language = language_of(locale)
    pattern = DAY.get(language, "{day} {month} {year}")
    return pattern.format(day=day.day, month=MONTHS[language].split()[day.month - 1], year=day.year)
