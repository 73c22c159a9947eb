"""How much memory the arrays of segments may take.

Belongs here: the amounts, by how many people there are. Stays out: keeping within them (`shelf.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

_COLUMNS_A_PERSON, _ANSWERS_A_PERSON = 60, 20


@dataclass(frozen=True)
class Limits:
    """Memory that arrays may take, in bytes; what was not used for longest is dropped and read again when needed."""

    columns: int = 256_000_000
    events: int = 420_000_000
    answers: int = 96_000_000


def usual_limits(people: int) -> Limits:
    """The limits for so many people: of more than four million, a dozen columns still find room."""
    usual = Limits()
    return Limits(
        max(usual.columns, people * _COLUMNS_A_PERSON), usual.events, max(usual.answers, people * _ANSWERS_A_PERSON)
    )
