"""Personal values that a template may declare: which there are, each with its type, and fallbacks as people type them.

Belongs here: the list that is offered, reading what was typed. Stays out: what a value becomes in a message
(`dmat/messages/variables.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from dmat.errors import InvalidInputError
from dmat.messages.contents import NAME, RESERVED
from dmat.segments.catalogue import Catalogue
from dmat.segments.people_columns import ALWAYS, known_columns

TYPES = {
    "text": "text", "geography": "text", "number": "number", "score": "number", "money": "money", "date": "date"
}  # fmt: skip
EXAMPLES = {"number": "0", "date": "2026-03-04", "money": "10 EUR"}
LONGEST = 300


@dataclass(frozen=True)
class Offer:
    """A value that can be declared."""

    name: str
    label: str
    type: str = "text"
    source: str = ""

    @property
    def declared(self) -> dict[str, Any]:
        """Its facts as a template declares them."""
        return {"type": self.type, "source": self.source or self.name}


SPECIAL = (
    Offer("discount_code", "Discount code", source="code"),
    Offer("products", "Recommended products", "list", "recommendations"),
    Offer("best_sellers", "Best sellers", "list"),
    Offer("last_product", "Last product bought"),
)
USUAL = ("first_name", "last_name", "full_name", "country_code", "city", "lifecycle")


def offers(catalogue: Catalogue | None, taken: Collection[str]) -> list[Offer]:
    """What is not declared yet: the usual ones, products and codes, then every field of people by its label."""
    known = known_columns(catalogue).values() if catalogue else ALWAYS
    fields = [Offer(each.key, each.label, TYPES[each.type]) for each in known if each.type in TYPES]
    ranks = {name: rank for rank, name in enumerate(USUAL)}
    usual = sorted((each for each in fields if each.name in ranks), key=lambda each: ranks[each.name])
    others = sorted((each for each in fields if each.name not in ranks), key=lambda each: each.label.lower())
    return [
        each for each in (*usual, *SPECIAL, *others)
        if each.name not in taken and NAME.fullmatch(each.name) and each.name not in RESERVED
    ]  # fmt: skip


def read_fallback(kind: str, typed: str) -> Any:
    """What was typed, as the type has it; None (the value is required) when nothing was.

    Raises:
        InvalidInputError: it is not of the type.
    """
    words = typed.strip()[:LONGEST]
    if kind == "list":
        return []
    if not words:
        return None
    try:
        return _READERS[kind](words) if kind in _READERS else words
    except ValueError:
        raise InvalidInputError("fallback", f"“{words}” cannot stand for a {kind}", f"e.g. {EXAMPLES[kind]}") from None


def shown_fallback(variable: Mapping[str, Any]) -> str:
    """A fallback as it is typed."""
    fallback = variable.get("fallback")
    if isinstance(fallback, Mapping):
        return f"{fallback.get('cents', 0) / 100:.2f} {fallback.get('currency_code', '')}"
    return "" if fallback is None else str(fallback)


def _number(words: str) -> int | float:
    return int(words) if words.lstrip("-").isdigit() else float(words)


def _money(words: str) -> dict[str, Any]:
    amount, currency = words.split()
    if len(currency) != 3 or not currency.isalpha():
        raise ValueError(currency)
    return {"cents": round(float(amount) * 100), "currency_code": currency.upper()}


_READERS = {"number": _number, "money": _money, "date": lambda words: date.fromisoformat(words).isoformat()}
