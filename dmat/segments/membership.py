"""Who entered and who left: what is true now against what was written before, segment by segment.

Belongs here: the difference of two sets of people with its cause, and which segments there is something to say about.
Stays out: answering rules (`engine.py`, `compiler.py`), reading and writing the warehouse
(`dmat_pipelines/decide/segments.py`).

Causes: `rule` (the rule is new or was changed, or the segment was put aside), `freeze` (a static segment was filled),
`time` (nothing but time has passed: a window closed), `data` (all else).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from dmat.segments.bitmaps import Bits, Ids, PersonIndex

DATA, TIME, RULE, FREEZE = "data", "time", "rule", "freeze"
CAUSES = (DATA, TIME, RULE, FREEZE)
Moments = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Card:
    """What the pass must know of a segment."""

    segment_id: int
    key: str
    kind: str
    version: int


@dataclass(frozen=True)
class Kept:
    """What is written down of a segment: its members, and the version of the rule that made them (0: none yet)."""

    members: Bits
    rule_version: int = 0


@dataclass(frozen=True)
class Moves:
    """Who entered and left one segment, why, and by which version of its rule.

    `entered_at` and `left_at` go with the people: the moment at which time alone moved somebody, else not a time.
    """

    key: str
    rule_version: int
    cause: str
    entered: Ids
    left: Ids
    entered_at: Moments | None = None
    left_at: Moments | None = None

    def __len__(self) -> int:
        return len(self.entered) + len(self.left)


def is_frozen(card: Card, kept: Kept | None) -> bool:
    """Whether a static segment has its members already."""
    return card.kind == "static" and kept is not None and kept.rule_version >= card.version


def cause_of(card: Card, kept: Kept | None, is_new_data: bool) -> str:
    """Why people move now."""
    if kept is None or kept.rule_version != card.version:
        return FREEZE if card.kind == "static" else RULE
    return DATA if is_new_data else TIME


def compare(card: Card, kept: Kept | None, now: Bits, index: PersonIndex, cause: str) -> Moves:
    """Who is in the segment now and was not, and the other way round."""
    size = len(index)  # who came up only on one of both sides has a place too
    before = kept.members.grown(size) if kept is not None else Bits.none(size)
    after = now.grown(size)
    entered, left = ids_of(after.without(before), index), ids_of(before.without(after), index)
    return Moves(card.key, card.version, cause, entered, left)


def told_apart(moves: Moves, touched: Bits, index: PersonIndex, at: datetime) -> Moves:
    """The same moves, where those whom no new data touched were moved by time, at this moment."""

    def moments(ids: Ids) -> Moments:
        by_data = touched.grown(len(index)).has(index.find(ids))
        return np.where(by_data, np.datetime64("NaT", "us"), np.datetime64(at, "us"))

    return replace(moves, entered_at=moments(moves.entered), left_at=moments(moves.left))


def moved_at(moves: Moves, at: datetime) -> Moves:
    """The same moves, all of them made by time at this moment."""
    entered, left = (np.full(len(ids), np.datetime64(at, "us")) for ids in (moves.entered, moves.left))
    return replace(moves, entered_at=entered, left_at=left)


def sharpened(moves: Moves, turned: Callable[[Ids], Moments]) -> Moves:
    """The same moves, those by time at the moment at which each person's answer turned, where that can be said."""

    def moments(ids: Ids, known: Moments | None) -> Moments | None:
        if known is None:
            return None
        spots = np.flatnonzero(~np.isnat(known))
        if not len(spots):
            return known
        exact, found = turned(ids[spots]), known.copy()
        found[spots] = np.where(np.isnat(exact), known[spots], exact)
        return found

    return replace(
        moves, entered_at=moments(moves.entered, moves.entered_at), left_at=moments(moves.left, moves.left_at)
    )


def leave_all(key: str, kept: Kept, index: PersonIndex) -> Moves:
    """Everybody leaves a segment that was archived or deleted."""
    return Moves(key, kept.rule_version, RULE, np.empty(0, np.int64), ids_of(kept.members, index))


def ids_of(bits: Bits, index: PersonIndex) -> Ids:
    """The numbers of the people in a set, in ascending order."""
    return np.sort(index.ids[bits.places()])


def bits_of(ids: Iterable[int] | Ids, index: PersonIndex) -> Bits:
    """The set of people with these numbers; who had no place gets one."""
    places = index.add(np.asarray(ids, np.int64))
    return Bits.at(places, len(index))
