"""All segments in one pass: who entered and who left each of them since the pass before.

Belongs here: the difference against what was true before, with the cause, only where something that a segment looks at
changed. Stays out: writing it down (`dmat_pipelines/decide/segments.py`); answering rules (`engine.py`).

After a restart what was true before comes from the warehouse, as numbers of people by segment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dmat.segments.bitmaps import Bits, Flags, Ids, Places
from dmat.segments.engine import Engine
from dmat.segments.rules import Rule

_NOBODY: Ids = np.empty(0, np.int64)


@dataclass(frozen=True)
class Change:
    """Who entered and left one segment; the flags say for whom new data are the cause, else time is.

    `is_new_rule` says that the rule is another one than in the pass before: then that is the cause for everybody.
    """

    key: str
    size: int
    entered: Ids
    left: Ids
    entered_by_data: Flags
    left_by_data: Flags
    is_new_rule: bool = False

    def __len__(self) -> int:
        return len(self.entered) + len(self.left)


@dataclass(frozen=True)
class PassResult:
    """One pass: the version and moment that were looked at, and the segments in which somebody moved."""

    version: int
    at: datetime
    data_as_of: datetime
    changes: Mapping[str, Change]
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class _Before:
    bits: Bits
    rule_hash: str


class Passes:
    """Passes over segments, one after the other.

    Args:
        engine: answers the rules.
        members: who was in each segment when the last pass ended, by key; nobody was in one that is not named.
        hashes: the hashes of the rules that made them so (`rules.rule_hash`); a segment without one has a new rule.
    """

    def __init__(
        self, engine: Engine, members: Mapping[str, Ids] | None = None, hashes: Mapping[str, str] | None = None
    ) -> None:
        self.engine = engine
        self._touched: list[Places] | None = []
        engine.refresh()
        self._before = {key: self._restored(ids, (hashes or {}).get(key, "")) for key, ids in (members or {}).items()}
        engine.watch(self._note)

    def _restored(self, ids: Ids, hash_: str) -> _Before:
        places = self.engine.index.add(np.ascontiguousarray(ids, np.int64))
        return _Before(Bits.at(places, len(self.engine.index)), hash_)

    def _note(self, changes: Mapping[str, Places | None]) -> None:
        """The engine moved to a newer version."""
        if self._touched is None or any(places is None for places in changes.values()):
            self._touched = None
        else:
            self._touched += [places for places in changes.values() if places is not None and len(places)]

    def run(self, rules: Mapping[str, Rule], frozen: Collection[str] = (), now: datetime | None = None) -> PassResult:
        """Look at every segment of `rules` that is not frozen; those that are gone from `rules` are forgotten.

        Raises:
            InvalidRuleError: a rule does not fit the catalogue.
        """
        self.engine.refresh(now)
        wanted = {key: rule for key, rule in rules.items() if key not in frozen}
        found = self.engine.bits_of_all(wanted, rules, frozen)
        by_data = self._by_data()
        changes = {key: self._change(key, rules[key], bits, by_data) for key, bits in found.items()}
        self._before = {key: _Before(bits, self.engine.hash_of(rules[key])) for key, bits in found.items()}
        self._touched = []
        return PassResult(
            version=self.engine.version,
            at=self.engine.moment,
            data_as_of=self.engine.data_as_of,
            changes={key: change for key, change in changes.items() if len(change) or change.is_new_rule},
            sizes={key: change.size for key, change in changes.items()},
        )

    def _by_data(self) -> Bits | None:
        """Who was touched by new data since the last pass; None: anybody."""
        if self._touched is None:
            return None
        places = np.concatenate([*self._touched, np.empty(0, np.int32)]).astype(np.int32)
        return Bits.at(places, len(self.engine.index))

    def _change(self, key: str, rule: Rule, after: Bits, by_data: Bits | None) -> Change:
        known = self._before.get(key)
        is_new_rule = known is None or known.rule_hash != self.engine.hash_of(rule)
        before = Bits.none(after.size) if known is None else known.bits.grown(after.size)
        if before == after:
            return Change(key, len(after), _NOBODY, _NOBODY, _NOBODY > 0, _NOBODY > 0, is_new_rule)
        entered, left = after.without(before).places(), before.without(after).places()
        return Change(
            key,
            len(after),
            self._ids(entered),
            self._ids(left),
            _flags(by_data, entered),
            _flags(by_data, left),
            is_new_rule,
        )

    def _ids(self, places: Places) -> Ids:
        found: Ids = self.engine.index.ids[places]
        return found


def _flags(by_data: Bits | None, places: Places) -> Flags:
    return np.ones(len(places), np.bool_) if by_data is None else by_data.has(places)
