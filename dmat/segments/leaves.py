"""The kept answer to each condition, as bits, brought up to date by looking only at people for whom it may differ.

Belongs here: keeping, finding who has to be looked at again (new data, new people, time), looking, and asking SQL what
arrays cannot answer. Stays out: putting conditions together (`engine.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from dmat.segments.bitmaps import Bits, Flags, Ids, Places, united
from dmat.segments.catalogue import PEOPLE_TABLE
from dmat.segments.compiler import compile_rule, sample_threshold
from dmat.segments.conditions import Terms, attribute_flags
from dmat.segments.event_conditions import event_flags
from dmat.segments.flips import due, moves
from dmat.segments.person_columns import Source
from dmat.segments.rules import Attribute, Event, Rule, Sample, Sequence, canonical
from dmat.segments.sequence_conditions import sequence_flags
from dmat.segments.shelf import Shelf
from dmat.segments.spans import Moves
from dmat.segments.view import View

Leaf = Attribute | Event | Sequence | Sample
NEW_PEOPLE = "new people"
_MOST_PATCHED = 0.1
_STEPS_KEPT = 64
_NOBODY: Places = np.empty(0, np.int32)


@dataclass(frozen=True)
class Asking:
    """A condition, by whose calendar days, and the key under which its answer is kept."""

    key: str
    node: Leaf
    by_person: bool


@dataclass(frozen=True, eq=False)
class _Kept:
    bits: Bits
    step: int
    terms: Terms
    is_timed: bool
    by_sql: bool

    @property
    def nbytes(self) -> int:
        return self.bits.nbytes


class _Patch(NamedTuple):
    asking: Asking
    bits: Bits
    places: Places


def asking(node: Leaf, by_person: bool) -> Asking:
    """The condition with its key."""
    return Asking(f"{'p' if by_person else 'w'}{canonical(node)}", node, by_person)


class Leaves:
    """Answers to conditions; `view` is everybody, of the version and the arrays of now."""

    def __init__(self, view: View, limit_bytes: int) -> None:
        self.view = view
        self.step = 0
        self._kept: Shelf[str, _Kept] = Shelf(limit_bytes)
        self._changes: dict[int, Mapping[str, Places | None]] = {}

    @property
    def nbytes(self) -> int:
        """Memory of what is kept."""
        return self._kept.used_bytes

    def forget(self) -> None:
        """Drop all answers."""
        self._kept.clear()

    def note(self, changes: Mapping[str, Places | None], view: View) -> None:
        """The arrays moved to a newer version, in which these people of these sources changed (None: anybody)."""
        self.step += 1
        self.view = view
        self._changes[self.step] = changes
        self._changes.pop(self.step - _STEPS_KEPT, None)

    def bits(self, wanted: Iterable[Asking], terms: Terms) -> dict[str, Bits]:
        """The answers by key, all as of the same moment and version."""
        again: dict[str, Asking] = {}
        patches: dict[str, _Patch] = {}
        found: dict[str, Bits] = {}
        for each in {each.key: each for each in wanted}.values():
            kept = self._kept.get(each.key)
            places = None if kept is None else self._to_look_at(each, kept, terms)
            if kept is None or places is None:
                again[each.key] = each
            elif len(places):
                patches[each.key] = _Patch(each, kept.bits, places)
            else:
                found[each.key] = self._still_right(each.key, kept, terms)
        self.view.columns.read_ahead(self._columns_of(again.values()))
        found |= {key: self._anew(each, terms) for key, each in again.items()}
        found |= self._patched(patches, terms)
        return {key: bits.grown(self.view.size) for key, bits in found.items()}

    def _columns_of(self, askings: Iterable[Asking]) -> Iterator[Source]:
        for each in askings:
            if isinstance(each.node, Attribute):
                field = self.view.catalogue.fields[each.node.field]
                yield Source(field.table, field.column, field.person_column)

    def _still_right(self, key: str, kept: _Kept, terms: Terms) -> Bits:
        if kept.step != self.step or kept.terms.now != terms.now:
            own = replace(terms, by_person=kept.terms.by_person)
            self._kept.put(key, replace(kept, step=self.step, terms=own))
        return kept.bits

    def _to_look_at(self, each: Asking, kept: _Kept, terms: Terms) -> Places | None:
        """Whose answer may differ from the kept one; None for everybody."""
        is_later = kept.is_timed and kept.terms.now != terms.now
        if kept.step == self.step and not is_later and kept.bits.size == self.view.size:
            return _NOBODY
        if kept.by_sql:
            return None
        found = [np.arange(kept.bits.size, self.view.size, dtype=np.int32)]
        changed = self._changed_since(kept.step, each)
        if changed is None:
            return None
        found += changed
        if is_later:
            moved = due(each.node, self.view, kept.terms, replace(terms, by_person=each.by_person))
            if moved is None:
                return None
            found.append(moved)
        several = [places for places in found if len(places)] or [_NOBODY]
        places = several[0] if len(several) == 1 else united(several, self.view.size)
        return places if len(places) <= max(1_000, _MOST_PATCHED * self.view.size) else None

    def _changed_since(self, step: int, each: Asking) -> list[Places] | None:
        sources = self._sources(each)
        found: list[Places] = []
        for number in range(step + 1, self.step + 1):
            if number not in self._changes:
                return None
            for source in sources & self._changes[number].keys():
                places = self._changes[number][source]
                if places is None:
                    return None
                found.append(places)
        return found

    def _sources(self, each: Asking) -> set[str]:
        node, found = each.node, {NEW_PEOPLE, *([PEOPLE_TABLE] if each.by_person else [])}
        if isinstance(node, Attribute):
            return found | {self.view.catalogue.fields[node.field].table}
        if isinstance(node, Event):
            return found | {f"event:{node.event}"}
        if isinstance(node, Sequence):
            steps = (*node.steps, *([node.without] if node.without else []))
            return found | {f"event:{step.event}" for step in steps}
        return found

    def _patched(self, patches: Mapping[str, _Patch], terms: Terms) -> dict[str, Bits]:
        """All that have to be changed are looked at for the same people, so that arrays are cut only once."""
        if not patches:
            return {}
        places = united({id(patch.places): patch.places for patch in patches.values()}.values(), self.view.size)
        some = self.view.of(places)
        found = {}
        for key, (each, bits, _) in patches.items():
            flags = flags_of(each, some, places, replace(terms, by_person=each.by_person))
            if flags is None:
                found[key] = self._anew(each, terms)
            else:
                found[key] = self._keep(each, bits.patched(places, flags, self.view.size), terms, by_sql=False)
        return found

    def _anew(self, each: Asking, terms: Terms) -> Bits:
        own = replace(terms, by_person=each.by_person)
        if isinstance(each.node, Sample):
            return self._keep(each, self._by_sql(each, own), terms, by_sql=False)
        flags = flags_of(each, self.view, None, own)
        if flags is None:
            return self._keep(each, self._by_sql(each, own), terms, by_sql=True)
        return self._keep(each, Bits.of(flags).grown(self.view.size), terms, by_sql=False)

    def _keep(self, each: Asking, bits: Bits, terms: Terms, by_sql: bool) -> Bits:
        is_timed = moves(each.node, self.view) != Moves()
        own = replace(terms, by_person=each.by_person)
        return self._kept.put(each.key, _Kept(bits, self.step, own, is_timed, by_sql)).bits

    def _by_sql(self, each: Asking, terms: Terms) -> Bits:
        rule = Rule(time_zone="person" if each.by_person else "workspace", where=each.node)
        compiled = compile_rule(rule, self.view.catalogue, terms.now, terms.zone)
        return self._of_ids(self.view.columns.snapshot.ids(compiled.sql, compiled.parameters))

    def _of_ids(self, ids: Ids) -> Bits:
        places = self.view.columns.index.add(ids)
        return Bits.at(places, self.view.size)


def flags_of(each: Asking, view: View, places: Places | None, terms: Terms) -> Flags | None:
    """Where a condition is true for the people of a view; `places` are theirs when they are a few."""
    node = each.node
    if isinstance(node, Attribute):
        return attribute_flags(node, view, terms)
    if isinstance(node, Event):
        return event_flags(node, view, terms)
    if isinstance(node, Sequence):
        return sequence_flags(node, view, terms)
    if places is None:
        return None
    return sample_flags(node, view.columns.index.ids[places])


def sample_flags(node: Sample, ids: Ids) -> Flags:
    """Who of a few people is in a random sample: the first 8 digits of the MD5 of `<salt>:<number>` decide."""
    if node.sample >= 100:
        return np.ones(len(ids), np.bool_)
    limit, salt = sample_threshold(node.sample), f"{node.salt}:"
    digits = (hashlib.md5(f"{salt}{number}".encode(), usedforsecurity=False).hexdigest() for number in ids.tolist())
    return np.fromiter((text[:8] < limit for text in digits), np.bool_, len(ids))
