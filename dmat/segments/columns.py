"""Columns of numbers, days, moments and coded text, one value a place, with what is unknown apart.

Belongs here: making a column from Arrow, changing a few places of it, asking its dictionary a question once instead of
every person. Stays out: when columns are read (`person_columns.py`) and what a condition means (`conditions.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dmat.segments.bitmaps import Flags
from dmat.segments.blocks import in_blocks

Values = npt.NDArray[Any]
TextQuestion = Callable[[pa.Array], pa.Array]

_FEW_CODES = 1
_INTEGERS = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger")
KIND_OF_TYPE = {
    **dict.fromkeys(_INTEGERS, "integer"),
    "double": "real",
    "float": "real",
    "boolean": "boolean",
    "date": "day",
    "timestamp": "moment",
    "varchar": "text",
}
_AS_SQL = {"integer": "bigint", "real": "double", "moment": "timestamp"}


def kind_of(type_: str) -> str | None:
    """The kind of column for a type of the engine; None for one that arrays do not hold (lists, decimals ...)."""
    return KIND_OF_TYPE.get(type_.lower())


def as_sql(expression: str, kind: str) -> str:
    """The expression in the one type that a kind is read as."""
    return f"cast({expression} as {_AS_SQL[kind]})" if kind in _AS_SQL else expression


@dataclass(eq=False)
class Dictionary:
    """The texts that codes stand for: code 0 is unknown, code 1 the first text. Texts may be in it twice."""

    texts: pa.Array
    _lower: pa.Array | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.texts) + 1

    @property
    def nbytes(self) -> int:
        """Memory of the texts."""
        return int(self.texts.nbytes) + (int(self._lower.nbytes) if self._lower is not None else 0)

    def lower(self) -> pa.Array:
        """The texts in lower case."""
        if self._lower is None:
            self._lower = pc.utf8_lower(self.texts)
        return self._lower

    def answers(self, question: TextQuestion, in_lower_case: bool) -> Flags:
        """A truth value a code; the unknown answers no."""
        found = np.zeros(len(self), np.bool_)
        found[1:] = question(self.lower() if in_lower_case else self.texts).to_numpy(zero_copy_only=False)
        return found


@dataclass(frozen=True, eq=False)
class Column:
    """Values by place. `known` is None where everything is known; in text, code 0 says unknown.

    Moments are microseconds since 1970, days are days since 1970. Columns are never changed once made.
    """

    kind: str
    values: Values
    known: Flags | None = None
    dictionary: Dictionary | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def nbytes(self) -> int:
        """Memory of the column."""
        extra = self.dictionary.nbytes if self.dictionary is not None else 0
        return self.values.nbytes + (0 if self.known is None else self.known.nbytes) + extra

    def is_known(self) -> Flags:
        """Where a value is known."""
        if self.dictionary is not None:
            found: Flags = self.values != 0
            return found
        return np.ones(len(self), np.bool_) if self.known is None else self.known

    def where_known(self, flags: Flags) -> Flags:
        """The flags, false where nothing is known."""
        return flags if self.known is None else flags & self.known

    def answers(self, question: TextQuestion, in_lower_case: bool = True) -> Flags:
        """Of text: the answer by place; a question is asked of the lower-case texts unless they count as they stand."""
        assert self.dictionary is not None  # noqa: S101 - only text is asked so
        return _looked_up(self.dictionary.answers(question, in_lower_case), self.values)

    def take(self, places: npt.NDArray[Any]) -> Column:
        """The column of these places (or of those that flags choose) only."""
        known = None if self.known is None else self.known[places]
        return Column(self.kind, self.values[places], known, self.dictionary)

    def slice(self, start: int, stop: int) -> Column:
        """The column from one place up to another, without copying."""
        known = None if self.known is None else self.known[start:stop]
        return Column(self.kind, self.values[start:stop], known, self.dictionary)

    def spread(self, places: npt.NDArray[Any], size: int) -> Column:
        """These values at those places among `size`; nothing is known elsewhere."""
        values = np.zeros(size, self.values.dtype)
        values[places] = self.values
        if self.dictionary is not None:
            return Column(self.kind, values, None, self.dictionary)
        known = np.zeros(size, np.bool_)
        known[places] = self.is_known()
        return Column(self.kind, values, None if known.all() else known)

    def patched(self, places: npt.NDArray[Any], fresh: Column, size: int) -> Column:
        """This column made as large as `size`, with the fresh values at these places."""
        fresh, dictionary = self._in_our_codes(fresh)
        values = np.zeros(size, np.promote_types(self.values.dtype, fresh.values.dtype))
        values[: len(self)] = self.values
        values[places] = fresh.values
        if dictionary is not None:
            return Column(self.kind, values, None, dictionary)
        known = np.zeros(size, np.bool_)
        known[: len(self)] = self.is_known()
        known[places] = fresh.is_known()
        return Column(self.kind, values, None if known.all() else known)

    def inserted(self, spots: npt.NDArray[Any], fresh: Column) -> Column:
        """This column with the fresh values put in before these spots."""
        fresh, dictionary = self._in_our_codes(fresh)
        dtype = np.promote_types(self.values.dtype, fresh.values.dtype)
        values = np.insert(self.values.astype(dtype, copy=False), spots, fresh.values)
        if self.known is None and fresh.known is None:
            return Column(self.kind, values, None, dictionary)
        return Column(self.kind, values, np.insert(self.is_known(), spots, fresh.is_known()), dictionary)

    def _in_our_codes(self, fresh: Column) -> tuple[Column, Dictionary | None]:
        if self.dictionary is None or fresh.dictionary is None:
            return fresh, None
        words = {text: code for code, text in enumerate(self.dictionary.texts.to_pylist(), 1)} if self._is_small else {}
        theirs = fresh.dictionary.texts.to_pylist()
        added = [text for text in theirs if text not in words]
        codes = {**words, **{text: len(self.dictionary) + number for number, text in enumerate(added)}}
        translated = np.array([0, *(codes[text] for text in theirs)], np.int64)[fresh.values]
        values = translated.astype(smallest(translated))
        if not added:
            return Column("text", values, None, self.dictionary), self.dictionary
        grown = Dictionary(pa.concat_arrays([self.dictionary.texts, pa.array(added, pa.large_string())]))
        return Column("text", values, None, grown), grown

    @property
    def _is_small(self) -> bool:
        return self.dictionary is not None and len(self.dictionary) < 20_000


def _looked_up(by_code: Flags, codes: Values) -> Flags:
    """`by_code[codes]`; comparing with the code is faster when only one of them, or all but one, is true."""
    is_most = np.count_nonzero(by_code) * 2 > len(by_code)
    rare = np.flatnonzero(by_code != is_most)
    if len(rare) > _FEW_CODES:
        return in_blocks(by_code.take, codes)

    def compared(some: Values) -> Flags:
        flags = np.zeros(len(some), np.bool_)
        for code in rare:
            flags |= some == some.dtype.type(code)
        return ~flags if is_most else flags

    return in_blocks(compared, codes)


def smallest(values: Values) -> np.dtype[Any]:
    """The smallest whole type that holds the values."""
    if not len(values):
        return np.dtype(np.int8)
    low, high = int(values.min()), int(values.max())
    for dtype in (np.int8, np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return np.dtype(dtype)
    return np.dtype(np.int64)


def column_of(array: pa.ChunkedArray | pa.Array, kind: str) -> Column:
    """A column from Arrow, in the smallest type that holds it."""
    if kind == "text":
        return _text(array)
    known: Flags | None = None
    if array.null_count:
        known = array.is_valid().to_numpy() if isinstance(array, pa.ChunkedArray) else _flags(array.is_valid())
    values = _numbers(array, kind)
    if kind in ("integer", "day"):
        values = values.astype(smallest(values))
    if kind == "real" and np.isnan(values).any():  # no number is unknown
        known = ~np.isnan(values) if known is None else known & ~np.isnan(values)
    return Column(kind, values, known)


def _flags(array: pa.Array) -> Flags:
    return np.asarray(array.to_numpy(zero_copy_only=False), np.bool_)


def _numbers(array: pa.ChunkedArray | pa.Array, kind: str) -> Values:
    if kind == "day":
        array = array.cast(pa.date32()).cast(pa.int32())
    if kind == "moment":
        array = array.cast(pa.timestamp("us")).cast(pa.int64())
    if array.null_count:
        array = array.fill_null(False if kind == "boolean" else 0)
    found = array.to_numpy() if isinstance(array, pa.ChunkedArray) else array.to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(found)


def _text(array: pa.ChunkedArray | pa.Array) -> Column:
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return _coded(whole.dictionary_encode())


def _coded(coded: pa.DictionaryArray) -> Column:
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False) + 1
    return Column("text", codes.astype(smallest(codes)), None, Dictionary(coded.dictionary.cast(pa.large_string())))


def column_of_batches(arrays: list[pa.Array], kind: str) -> Column:
    """A column from Arrow batches; text comes coded."""
    if not arrays:
        return empty_column(kind)
    if kind != "text":
        return column_of(pa.chunked_array(arrays), kind)
    coded = pa.chunked_array(arrays)
    whole = coded.unify_dictionaries().combine_chunks()
    return _coded(whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole)


def empty_column(kind: str, size: int = 0) -> Column:
    """A column in which nothing is known."""
    if kind == "text":
        return Column(kind, np.zeros(size, np.int8), None, Dictionary(pa.array([], pa.large_string())))
    dtype = {"real": np.float64, "boolean": np.bool_, "moment": np.int64}.get(kind, np.int8)
    return Column(kind, np.zeros(size, dtype), np.zeros(size, np.bool_))
