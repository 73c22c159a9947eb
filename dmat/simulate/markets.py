"""Where the people live and what they are called: countries, time zones, cities, invented names.

Belongs here: small lists that are combined into people who do not exist, on domains that cannot exist.
Stays out: how many of each (`people.py` draws) and the dirt that sources add (`contacts.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Market:
    """One country: its share of the people, its zones, its way to write phones, its cities and names."""

    code: str
    country: str
    share: float
    time_zones: tuple[str, ...]
    locale: str
    dialling: str
    mobile: str
    cities: tuple[tuple[str, str], ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MARKETS: tuple[Market, ...] = (
    Market("DE", "Germany", 0.29, ("Europe/Berlin",), "de-DE", "49", "151",
        (("Berlin", "10115"), ("Hamburg", "20095"), ("München", "80331"), ("Köln", "50667"), ("Leipzig", "04109")),
        _words("Anna Jürgen Sophie Lukas Marie Jonas Lena Björn Käthe Felix Hannah Paul Mia Sören Clara Moritz"),
        _words("Keller Müller Schröder Vogel Winter Krämer Lindner Bäcker Sommer Falk Weiß Hartmann Brandt Köhler")),
    Market("FR", "France", 0.14, ("Europe/Paris",), "fr-FR", "33", "6",
        (("Paris", "75001"), ("Lyon", "69001"), ("Marseille", "13001"), ("Lille", "59000")),
        _words("Zoé Hélène Lucas Chloé François Léa Hugo Camille Rémi Manon Noé Inès Théo Élise Baptiste Agathe"),
        _words("Lefèvre Moreau Garnier Blanc Fournier Côté Girard Rousseau Mercier Léger Marchand Perrin Gauthier")),
    Market("GB", "United Kingdom", 0.14, ("Europe/London",), "en-GB", "44", "77",
        (("London", "EC1A"), ("Leeds", "LS1"), ("Bristol", "BS1"), ("Glasgow", "G1")),
        _words("Olivia Harry Amelia Jack Isla George Ava Oscar Freya Alfie Siân Rhys Niamh Callum Imogen Rupert"),
        _words("Ashdown Hughes Whitfield Barlow O'Neill Carver Thorne Pemberton Hale Lockwood Marsh Winslow Dunn")),
    Market("NL", "Netherlands", 0.09, ("Europe/Amsterdam",), "nl-NL", "31", "6",
        (("Amsterdam", "1011"), ("Utrecht", "3511"), ("Rotterdam", "3011")),
        _words("Daan Sanne Bram Lotte Sem Fleur Thijs Noor Jesse Roos Zoë Ruben Maud Stijn"),
        _words("Visser Smit Bakker Dekker Kuiper Hoekstra Mulder Postma Vermeer Brouwer Kok Dijkstra")),
    Market("ES", "Spain", 0.08, ("Europe/Madrid", "Atlantic/Canary"), "es-ES", "34", "6",
        (("Madrid", "28001"), ("Valencia", "46001"), ("Sevilla", "41001"), ("Bilbao", "48001")),
        _words("José Lucía Martín Sofía Álvaro Carmen Íñigo Paula Diego Nuria Andrés Elena Raúl Begoña"),
        _words("García Núñez Ortega Ibáñez Castaño Molina Peña Serrano Vidal Campos Muñoz Herrero")),
    Market("IT", "Italy", 0.07, ("Europe/Rome",), "it-IT", "39", "34",
        (("Milano", "20121"), ("Roma", "00184"), ("Torino", "10121"), ("Bologna", "40121")),
        _words("Giulia Marco Chiara Luca Niccolò Sara Matteo Elisa Davide Irene Pietro Alba"),
        _words("Ferri Conti Gallo Rinaldi Moretti Fontana Villa Serra Basile Marchetti Orsini Bruni")),
    Market("PL", "Poland", 0.05, ("Europe/Warsaw",), "pl-PL", "48", "5",
        (("Warszawa", "00-001"), ("Kraków", "30-001"), ("Gdańsk", "80-001")),
        _words("Łukasz Zofia Michał Małgorzata Jakub Agnieszka Paweł Hania Wojciech Kasia"),
        _words("Wójcik Zieliński Kowalczyk Dąbrowska Lis Górski Sikora Jabłoński Wrona Król")),
    Market("AT", "Austria", 0.04, ("Europe/Vienna",), "de-AT", "43", "66",
        (("Wien", "1010"), ("Graz", "8010"), ("Linz", "4020")),
        _words("Valentina Maximilian Magdalena Xaver Franziska Florian Theresa Lorenz"),
        _words("Gruber Steiner Moser Leitner Pichler Höfer Egger Auer")),
    Market("SE", "Sweden", 0.04, ("Europe/Stockholm",), "sv-SE", "46", "7",
        (("Stockholm", "111 20"), ("Göteborg", "411 03"), ("Malmö", "211 18")),
        _words("Åsa Erik Linnéa Björn Ebba Nils Sigrid Göran Alva Axel"),
        _words("Lindqvist Åkesson Sjöberg Holm Ekström Nyström Lund Bergström")),
    Market("US", "United States", 0.06,
        ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"), "en-US", "1", "555",
        (("New York", "10001"), ("Chicago", "60601"), ("Denver", "80202"), ("Portland", "97201")),
        _words("Emma Liam Harper Mason Ximena Noah Aaliyah Ethan Renée Wyatt Naomi Caleb Priya DeShawn"),
        _words("Carter Nguyen Delgado Brooks Hayes Sullivan Okafor Whitaker Ramírez Bennett Cho Fletcher")),
)  # fmt: skip

MAIL_DOMAINS = ("mail.example", "post.example", "inbox.example", "webmail.example", "example.com", "example.org")
TIME_ZONES: tuple[str, ...] = tuple(sorted({zone for market in MARKETS for zone in market.time_zones}))
JOB_TITLES = (
    "Office Manager", "Head of Purchasing", "Managing Director", "Buyer", "Team Lead", "Marketing Manager",
    "HR Manager", "Founder", "Assistant", "Facility Manager", "CFO", "Event Manager",
)  # fmt: skip
INDUSTRIES = (
    "RETAIL", "COMPUTER_SOFTWARE", "HOSPITALITY", "MARKETING_AND_ADVERTISING", "FOOD_BEVERAGES", "CONSTRUCTION",
    "HOSPITAL_HEALTH_CARE", "EDUCATION_MANAGEMENT", "LOGISTICS_AND_SUPPLY_CHAIN", "ACCOUNTING", "DESIGN",
)  # fmt: skip
COMPANY_WORDS = _words(
    "Nordlicht Alder Kestrel Juniper Meridian Saffron Polar Copper Harbour Lantern Willow Granite Ember Cobalt Delta "
    "Aurora Maple Falcon Basalt Coral Linden Vertex Summit Orchard Quarry Tidal Violet Zephyr"
)
COMPANY_TRADES = _words("Logistics Studio Foods Software Hotels Design Partners Works Clinic Media Build School Labs")
COMPANY_FORMS = _words("GmbH Ltd SARL BV SL Srl AB Inc")


def market_weights() -> np.ndarray:
    """Share of each market, adding to 1."""
    shares = np.array([market.share for market in MARKETS])
    return np.asarray(shares / shares.sum())


def flatten(lists: list[tuple[str, ...]]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Lists of words laid end to end: the words, where each list starts, and how long it is."""
    sizes = np.array([len(words) for words in lists])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return [word for words in lists for word in words], starts, sizes
