"""Which language a person probably reads, by country, as long as nothing better is known.

Belongs here: that table. Stays out: choosing the variant of a template (`dmat/messages`), which falls back to the one
for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_COUNTRIES = {
    "ar": "AE DZ EG IQ JO KW LB LY MA OM QA SA TN YE", "bg": "BG", "cs": "CZ", "da": "DK", "de": "AT CH DE LI",
    "el": "CY GR", "en": "AU GB IE IN NG NZ PH SG US ZA CA",
    "es": "AR BO CL CO CR CU DO EC ES GT HN MX NI PA PE PY SV UY VE",
    "et": "EE", "fi": "FI", "fr": "CI FR LU MC SN", "hr": "HR", "hu": "HU", "id": "ID", "it": "IT SM", "ja": "JP",
    "ko": "KR", "lt": "LT", "lv": "LV", "nb": "NO", "nl": "BE NL", "pl": "PL", "pt": "AO BR MZ PT", "ro": "MD RO",
    "sk": "SK", "sl": "SI", "sv": "SE", "th": "TH", "tr": "TR", "uk": "UA", "vi": "VN", "zh": "CN HK TW",
}  # fmt: skip
LOCALES: Mapping[str, str] = MappingProxyType(
    {country: f"{language}-{country}" for language, found in _COUNTRIES.items() for country in found.split()}
)
"""Country -> locale: of several languages of a country the one that most people there read."""
