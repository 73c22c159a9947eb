"""Putting the answers to conditions together: all, any, not, memberships; and what rules lead to.

Belongs here: walking a tree with bits; keys and hashes of rules, kept, as making them takes longer than answering.
Stays out: the answers to conditions (`leaves.py`), versions and moments (`engine.py`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from dmat.segments.answer_shapes import Intersection
from dmat.segments.bitmaps import Bits
from dmat.segments.conditions import Terms
from dmat.segments.leaves import Asking, Leaves, asking
from dmat.segments.person_columns import PersonColumns
from dmat.segments.rules import All, AnyOf, Membership, Not, Rule, children_of, rule_hash, segments_used, walk
from dmat.segments.tree import AnyNode

Rules = Mapping[str, Rule]
_RULES_KEPT = 4_000


class KnownRules:
    """Keys of conditions and hashes of rules; not safe between threads by itself."""

    def __init__(self) -> None:
        self._askings: OrderedDict[int, tuple[Rule, dict[str, Asking]]] = OrderedDict()
        self._hashes: OrderedDict[int, tuple[Rule, str]] = OrderedDict()

    def hash_of(self, rule: Rule) -> str:
        """`rules.rule_hash`, kept."""
        known = self._hashes.get(id(rule))
        if known is None or known[0] is not rule:
            known = self._hashes[id(rule)] = (rule, rule_hash(rule))
            if len(self._hashes) > _RULES_KEPT:
                self._hashes.popitem(last=False)
        return known[1]

    def askings_of(self, rule: Rule) -> dict[str, Asking]:
        """The conditions of a rule by their path; kept, as their keys take longer than their answers."""
        known = self._askings.get(id(rule))
        if known is not None and known[0] is rule:
            return known[1]
        by_person = rule.time_zone == "person"
        found = {
            path: asking(node, by_person)
            for path, node in walk(rule)
            if not isinstance(node, All | AnyOf | Not | Membership)
        }
        self._askings[id(rule)] = (rule, found)
        if len(self._askings) > _RULES_KEPT:
            self._askings.popitem(last=False)
        return found


class Question:
    """One rule with all that it leads to; every part is asked once."""

    def __init__(
        self,
        leaves: Leaves,
        columns: PersonColumns,
        terms: Terms,
        known: KnownRules,
        kept_people: Callable[[str], Bits],
        rules: Rules,
        frozen: frozenset[str],
    ) -> None:
        self.leaves, self.columns, self.terms, self.known = leaves, columns, terms, known
        self.kept_people, self.rules, self.frozen = kept_people, rules, frozen
        self._members: dict[str, Bits] = {}

    def people(self, rule: Rule, counts: dict[str, int] | None) -> Bits:
        """Who is in; `counts`, if given, takes the count of each node by its path."""
        askings = self.known.askings_of(rule)
        answers = self.leaves.bits(askings.values(), self.terms)
        by_path = {path: answers[each.key] for path, each in askings.items()}
        named = {node.segment for _, node in walk(rule) if isinstance(node, Membership)}
        for key in named - self._members.keys():
            self._members[key] = self._of_segment(key)
        size, everybody = self.columns.size, self.columns.everybody

        def bits(path: str, node: AnyNode) -> Bits:
            found = together(path, node) & everybody
            if counts is not None:
                counts[path] = len(found)
            return found

        def together(path: str, node: AnyNode) -> Bits:
            if isinstance(node, Membership):
                return self._members[node.segment].grown(size)
            if path in by_path:
                return by_path[path].grown(size)
            parts = [bits(own, child) for own, child in children_of(path, node)]
            if isinstance(node, Not):
                return ~parts[0]
            found = everybody if isinstance(node, All) else Bits.none(size)
            for part in parts:
                found = found & part if isinstance(node, All) else found | part
            return found

        return bits("where", rule.where)

    def _of_segment(self, key: str) -> Bits:
        if key in self.frozen:
            return self.kept_people(key)
        return self.people(self.rules[key], None)


def named_segments(wanted: Iterable[Rule], rules: Rules) -> set[str]:
    """Every segment that these rules lead to."""
    waiting, found = [key for rule in wanted for key in segments_used(rule)], set[str]()
    while waiting:
        key = waiting.pop()
        if key not in found and key in rules:
            found.add(key)
            waiting += segments_used(rules[key])
    return found


def intersections(found: Mapping[str, Bits]) -> tuple[Intersection, ...]:
    """Who is exactly where, largest first; of at most 64 sets."""
    if not found:
        return ()
    keys = list(found)
    anybody = Bits.none(found[keys[0]].size)
    for bits in found.values():
        anybody = anybody | bits
    places = anybody.places()
    codes = np.zeros(len(places), np.uint64)
    for number, key in enumerate(keys):
        codes |= found[key].has(places).astype(np.uint64) << np.uint64(number)
    values, counts = np.unique(codes, return_counts=True)
    named = [
        Intersection(tuple(key for number, key in enumerate(keys) if int(value) >> number & 1), int(count))
        for value, count in zip(values, counts, strict=True)
    ]
    return tuple(sorted(named, key=lambda each: (-each.count, each.keys)))
