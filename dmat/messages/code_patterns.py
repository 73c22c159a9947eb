"""Codes from a pattern: letters that nobody mistakes for others, drawn at random, the last one a check.

Belongs here: reading a pattern, making codes, checking one. Stays out: who has which code (`codes.py`).

In `SPRING-####-#` each `#` stands for a letter or digit; the last `#` is the check character: a single wrong letter,
or two neighbours exchanged, is always noticed (ISO 7064 pure system with a prime modulus, weights that are powers).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dmat.errors import InvalidInputError

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # 31 signs, a prime: without 0 O 1 I L
FULLEST = 0.5  # a pattern gives away at most half of what it could: codes stay hard to guess
_FIXED = re.compile(r"[A-Z0-9-]*")
_CODE = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,98}[\x21-\x7e]|[\x21-\x7e]")


@dataclass(frozen=True)
class Pattern:
    """A pattern that was read."""

    text: str
    drawn: int

    @classmethod
    def read(cls, text: str) -> Pattern:
        """Read a pattern.

        Raises:
            InvalidInputError: other signs than A-Z, 0-9, - and #, or too few #.
        """
        count = text.count("#")
        if len(text) > 60 or not _FIXED.fullmatch(text.replace("#", "")) or not 5 <= count <= 20:
            raise InvalidInputError("pattern", f"{text!r} is not a pattern", "A-Z, 0-9, - and 5 to 20 #, at most 60")
        return cls(text, count - 1)

    @property
    def room(self) -> int:
        """How many codes it gives at most."""
        return int(len(ALPHABET) ** self.drawn * FULLEST)

    def make(self, count: int) -> Iterator[str]:
        """Draw codes; some may be equal, or known already."""
        for _ in range(count):
            drawn = [secrets.randbelow(len(ALPHABET)) for _ in range(self.drawn)]
            yield self._put_together([*drawn, _check(drawn)])

    def is_right(self, code: str) -> bool:
        """Whether a code that somebody typed fits the pattern and its check character."""
        signs = code.strip().upper()
        if len(signs) != len(self.text):
            return False
        pairs = list(zip(self.text, signs, strict=True))
        if any(sign not in ALPHABET if mark == "#" else sign != mark for mark, sign in pairs):
            return False
        numbers = [ALPHABET.index(sign) for mark, sign in pairs if mark == "#"]
        return _check(numbers[:-1]) == numbers[-1]

    def _put_together(self, numbers: Sequence[int]) -> str:
        signs = iter(numbers)
        return "".join(ALPHABET[next(signs)] if mark == "#" else mark for mark in self.text)


def _check(numbers: Sequence[int]) -> int:
    """The check number: with it the sum of numbers, weighted by powers of 3 from the right, is 0 modulo 31."""
    total = sum(number * pow(3, place, 31) for place, number in enumerate(reversed(numbers), start=1))
    return -total % 31


def checked_code(code: str) -> str:
    """An uploaded code as it is kept.

    Raises:
        InvalidInputError: it is empty, too long, or has signs that cannot be typed.
    """
    clean = code.strip()
    if not _CODE.fullmatch(clean):
        raise InvalidInputError("code", f"{clean[:40]!r} cannot be a code", "1 to 100 plain signs")
    return clean
