"""Sets of people as bits, and the order in which people have their bit.

Belongs here: packed bitmaps (64 people a word) with and, or, not; the index from a person's number to the place of the
bit, which never moves while the process lives. Stays out: what makes a bit true (`conditions.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int32]
Ids = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_PROBES = 24


@dataclass(frozen=True, eq=False)
class Bits:
    """A set of places out of `size`; the words are never changed once made. Bits past `size` are zero."""

    words: Words
    size: int

    @staticmethod
    def of(flags: Flags) -> Bits:
        """From one truth value a place."""
        packed = np.packbits(flags, bitorder="little")
        missing = -len(packed) % 8
        if missing:
            packed = np.concatenate((packed, np.zeros(missing, np.uint8)))
        return Bits(packed.view(np.uint64), len(flags))

    @staticmethod
    def at(places: npt.NDArray[np.integer], size: int) -> Bits:
        """The set of these places; the same place twice is once."""
        flags = np.zeros(size, np.bool_)
        flags[places] = True
        return Bits.of(flags)

    @staticmethod
    def none(size: int) -> Bits:
        """The empty set."""
        return Bits(np.zeros((size + 63) // 64, np.uint64), size)

    @staticmethod
    def every(size: int) -> Bits:
        """All places."""
        words = np.full((size + 63) // 64, np.uint64(0xFFFF_FFFF_FFFF_FFFF))
        if size % 64:
            words[-1] = np.uint64((1 << (size % 64)) - 1)
        return Bits(words, size)

    def __and__(self, other: Bits) -> Bits:
        return Bits(self.words & other.words, self.size)

    def __or__(self, other: Bits) -> Bits:
        return Bits(self.words | other.words, self.size)

    def __xor__(self, other: Bits) -> Bits:
        return Bits(self.words ^ other.words, self.size)

    def __invert__(self) -> Bits:
        words = ~self.words
        if self.size % 64:
            words[-1] &= np.uint64((1 << (self.size % 64)) - 1)
        return Bits(words, self.size)

    def without(self, other: Bits) -> Bits:
        """Those that are not in the other set."""
        return Bits(self.words & ~other.words, self.size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bits) and self.size == other.size and bool(np.array_equal(self.words, other.words))

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return int(np.bitwise_count(self.words).sum())

    def __bool__(self) -> bool:
        return bool(self.words.any())

    def common(self, other: Bits) -> int:
        """How many are in both."""
        return int(np.bitwise_count(self.words & other.words).sum())

    @property
    def nbytes(self) -> int:
        """Memory of the words."""
        return self.words.nbytes

    def flags(self) -> Flags:
        """One truth value a place."""
        flags: Flags = np.unpackbits(self.words.view(np.uint8), bitorder="little", count=self.size).view(np.bool_)
        return flags

    def places(self) -> Places:
        """The places in the set, in order. A sparse set costs no more than a look at its words."""
        filled = np.flatnonzero(self.words)
        if len(filled) * 4 > len(self.words):
            return np.flatnonzero(self.flags()).astype(np.int32)
        found = np.unpackbits(self.words[filled].view(np.uint8), bitorder="little").reshape(-1, 64).nonzero()
        return (filled[found[0]] * 64 + found[1]).astype(np.int32)

    def has(self, places: npt.NDArray[np.integer]) -> Flags:
        """Whether each of these places is in the set."""
        octets = self.words.view(np.uint8)[places >> 3]
        found: Flags = ((octets >> (places & 7).astype(np.uint8)) & 1).astype(np.bool_)
        return found

    def patched(self, places: npt.NDArray[np.integer], flags: Flags, size: int) -> Bits:
        """This set made as large as `size`, with these (different) places as `flags` say."""
        words = np.zeros((size + 63) // 64, np.uint64)
        words[: len(self.words)] = self.words
        octets = words.view(np.uint8)
        masks = np.left_shift(np.uint8(1), (places & 7).astype(np.uint8))
        np.bitwise_and.at(octets, places >> 3, ~masks)
        np.bitwise_or.at(octets, places[flags] >> 3, masks[flags])
        return Bits(words, size)

    def grown(self, size: int) -> Bits:
        """This set among `size` places; the new ones are not in it."""
        if size == self.size:
            return self
        words = np.zeros((size + 63) // 64, np.uint64)
        words[: len(self.words)] = self.words
        return Bits(words, size)


def united(parts: Iterable[npt.NDArray[np.integer]], size: int) -> Places:
    """Every place that is in one of the parts, in order."""
    flags = np.zeros(size, np.bool_)
    for part in parts:
        flags[part] = True
    return np.flatnonzero(flags).astype(np.int32)


class PersonIndex:
    """Person number -> place. A place is given once and kept: new people come behind the others.

    Also people that only events name have a place; who is a person of the warehouse is told by a bitmap apart.
    """

    def __init__(self, ids: Ids) -> None:
        self.ids: Ids = np.ascontiguousarray(ids, np.int64)
        self._sort()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Memory of the index."""
        return self.ids.nbytes + self._sorted.nbytes + self._order.nbytes + self._starts.nbytes

    def find(self, ids: Ids) -> Places:
        """The place of each number; -1 for those without one.

        The numbers are cut into buckets by their leading bits, about one number a bucket, so that a look-up is two
        reads instead of a search; numbers that lie too unevenly for that are searched.
        """
        if not len(self.ids):
            return np.full(len(ids), -1, np.int32)
        spots = self._spots(ids) if self._deepest <= _PROBES else np.searchsorted(self._sorted, ids)
        np.minimum(spots, len(self.ids) - 1, out=spots)
        found: Places = self._order[spots]
        found[self._sorted[spots] != ids] = -1
        return found

    def _spots(self, ids: Ids) -> npt.NDArray[np.intp]:
        inside = np.clip(ids, self._sorted[0], self._sorted[-1])
        buckets = ((inside - self._sorted[0]).view(np.uint64) >> np.uint64(self._shift)).astype(np.intp)
        spots: npt.NDArray[np.intp] = self._starts[buckets].astype(np.intp)
        behind = np.flatnonzero(self._sorted[spots] < inside)
        while len(behind):
            spots[behind] += 1
            behind = behind[self._sorted[spots[behind]] < inside[behind]]
        return spots

    def add(self, ids: Ids) -> Places:
        """Give places to those of the numbers that have none, and return the place of each."""
        found = self.find(ids)
        missing = np.unique(ids[found < 0])
        if len(missing):
            self.ids = np.concatenate((self.ids, missing))
            self._sort()
            found = self.find(ids)
        return found

    def _sort(self) -> None:
        order = np.argsort(self.ids)
        self._order: Places = order.astype(np.int32)
        self._sorted: Ids = self.ids[order]
        self._starts: Places = np.zeros(1, np.int32)
        self._shift, self._deepest = 0, 0
        if len(self.ids):
            self._make_buckets()

    def _make_buckets(self) -> None:
        spread = int(self._sorted[-1]) - int(self._sorted[0])
        self._shift = max(0, spread.bit_length() - max(1, len(self.ids).bit_length()))
        buckets = ((self._sorted - self._sorted[0]).view(np.uint64) >> np.uint64(self._shift)).astype(np.int64)
        sizes = np.bincount(buckets)
        self._deepest = int(sizes.max())
        self._starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int32)
