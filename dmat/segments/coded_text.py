"""Text read as codes: the database gives a small number for each row instead of a word, and each word once.

Belongs here: choosing the numbers and turning them into codes. Stays out: what a column is (`columns.py`), and which
columns are read when (`person_columns.py`).

A number is a few bits of the hash of the word, chosen so that no two words of the column share it. Texts that differ
in almost every row are not read so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dmat.segments.columns import Column, Dictionary, smallest
from dmat.segments.snapshot import Snapshot

MOST_WORDS = 5_000
_LOOK_AT = 20_000
_SHIFTS = (0, 8, 16, 24, 32, 40)
_WIDTHS = ((16, "usmallint"), (20, "uinteger"), (22, "uinteger"), (24, "uinteger"))


def coded_text(snapshot: Snapshot, name: str, rows: str) -> Column | None:
    """A column of text; None when it has too many words for this.

    Args:
        snapshot: the version that is read.
        name: the column, as it stands in SQL.
        rows: what is behind `from`, giving rows in the same order at each reading.
    """
    words = _words(snapshot, name, rows)
    if words is None:
        return None
    hashes = np.ascontiguousarray(words.column(1).combine_chunks().to_numpy(zero_copy_only=False), np.uint64)
    for bits, type_ in _WIDTHS:
        for shift in _SHIFTS:
            numbers = (hashes >> np.uint64(shift)) & np.uint64((1 << bits) - 1)
            if len(np.unique(numbers)) == len(numbers):
                sql = f"select ((hash({name}) >> {shift}) & {(1 << bits) - 1})::{type_} from {rows}"
                found = snapshot.arrow(sql).column(0).to_numpy()
                return _column(words.column(0).combine_chunks(), numbers, found, bits)
    return None


def _words(snapshot: Snapshot, name: str, rows: str) -> pa.Table | None:
    """Each word, or nothing, with its hash; None for too many. A few rows tell most such columns."""
    few = f"select count(distinct {name}) from (select {name} from {rows} limit {_LOOK_AT})"
    if snapshot.number(few) > MOST_WORDS:
        return None
    words = snapshot.arrow(
        f"select word, hash(word) from (select distinct {name} as word from {rows} limit {MOST_WORDS + 1})"
    )
    return words if len(words) <= MOST_WORDS else None


def _column(
    words: pa.Array, numbers: npt.NDArray[np.uint64], found: npt.NDArray[np.unsignedinteger], bits: int
) -> Column | None:
    """The column of the numbers that were found; None if one of them is of no word."""
    texts = words.drop_null().cast(pa.large_string())
    is_word = np.asarray(words.is_valid().to_numpy(zero_copy_only=False), np.bool_)
    places = np.zeros(1 << bits, np.int16)  # of no word: 0, of nothing: 1, of the first word: 2
    places[numbers] = np.where(is_word, np.cumsum(is_word) + 1, 1)
    codes = places[found]
    if len(codes) and not codes.all():
        return None
    codes -= 1
    return Column("text", codes.astype(smallest(codes)), None, Dictionary(texts))
