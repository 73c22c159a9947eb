"""Places outside the make-believe company's own markets, for real customers who live there.

Belongs here: one city, zone and way to write phones for each country that real orders came from.
Stays out: the markets with their names and cities (`markets.py`), and names of countries (`dmat/imports/values.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

HOME_COUNTRY = "GB"


@dataclass(frozen=True)
class Place:
    """Where a customer of one country is said to live: code, city, zip, time zone, language, dialling code."""

    code: str
    city: str
    zip: str
    time_zone: str
    locale: str
    dialling: str


PLACES_ABROAD: tuple[Place, ...] = (
    Place("AE", "Dubai", "", "Asia/Dubai", "en-AE", "971"),
    Place("AU", "Melbourne", "3000", "Australia/Melbourne", "en-AU", "61"),
    Place("BE", "Gent", "9000", "Europe/Brussels", "nl-BE", "32"),
    Place("BH", "Manama", "317", "Asia/Bahrain", "en-BH", "973"),
    Place("BR", "Curitiba", "80010", "America/Sao_Paulo", "pt-BR", "55"),
    Place("CA", "Toronto", "M5H", "America/Toronto", "en-CA", "1"),
    Place("CH", "Bern", "3011", "Europe/Zurich", "de-CH", "41"),
    Place("CY", "Nicosia", "1010", "Asia/Nicosia", "en-CY", "357"),
    Place("CZ", "Brno", "602 00", "Europe/Prague", "cs-CZ", "420"),
    Place("DK", "Aarhus", "8000", "Europe/Copenhagen", "da-DK", "45"),
    Place("FI", "Turku", "20100", "Europe/Helsinki", "fi-FI", "358"),
    Place("GR", "Athens", "105 57", "Europe/Athens", "el-GR", "30"),
    Place("HK", "Hong Kong", "", "Asia/Hong_Kong", "en-HK", "852"),
    Place("IE", "Cork", "T12", "Europe/Dublin", "en-IE", "353"),
    Place("IL", "Haifa", "31000", "Asia/Jerusalem", "he-IL", "972"),
    Place("IS", "Akureyri", "600", "Atlantic/Reykjavik", "is-IS", "354"),
    Place("JP", "Osaka", "530-0001", "Asia/Tokyo", "ja-JP", "81"),
    Place("LB", "Beirut", "1107", "Asia/Beirut", "en-LB", "961"),
    Place("LT", "Kaunas", "44280", "Europe/Vilnius", "lt-LT", "370"),
    Place("MT", "Valletta", "VLT", "Europe/Malta", "en-MT", "356"),
    Place("NO", "Bergen", "5003", "Europe/Oslo", "nb-NO", "47"),
    Place("PT", "Porto", "4000", "Europe/Lisbon", "pt-PT", "351"),
    Place("SA", "Jeddah", "21442", "Asia/Riyadh", "en-SA", "966"),
    Place("SG", "Singapore", "018956", "Asia/Singapore", "en-SG", "65"),
)
