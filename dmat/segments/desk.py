"""One place to ask everything about segments: library, catalogue, rules and memberships of one workspace together.

Belongs here: putting them together for doors and notebooks. Stays out: what each of them does.

>>> desk = Desk(settings, store)
>>> rule = desk.checked_rule({"version": 1, "where": {"field": "country_code", "op": "one_of", "value": ["DE"]}})
>>> len(desk.people_of(rule))
>>> desk.members(desk.library.get("vip"))

A dynamic segment is answered as of now; a static one has the members that were written down when it was frozen.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from dmat.errors import NotPermittedError
from dmat.segments.answer_shapes import Overlap, Preview
from dmat.segments.catalogue import Catalogue, read_catalogue
from dmat.segments.checking import check
from dmat.segments.compiler import compile_rule
from dmat.segments.engine import Engine
from dmat.segments.library import Library
from dmat.segments.prd_rules import convert, is_flat
from dmat.segments.records import Segment
from dmat.segments.rules import InvalidRuleError, Membership, Rule, parse, segments_used
from dmat.segments.warming import warm
from dmat.segments.why import Clause, explain
from dmat.segments.words import sentence
from dmat.settings import Settings
from dmat.store import Store
from dmat.warehouse import Workspace

Ids = npt.NDArray[np.int64]
NO_RULES: Mapping[str, Rule] = MappingProxyType({})


class Desk:
    """Segments of one workspace; safe to share between threads.

    Args:
        settings: those of the workspace.
        store: its store.
        workspace: its published warehouse, when it is open already.
        with_engine: answer from arrays in memory, for processes that answer all day; else by a query each time.
    """

    def __init__(
        self, settings: Settings, store: Store, workspace: Workspace | None = None, with_engine: bool = False
    ) -> None:
        self.settings = settings
        self.workspace = workspace or Workspace(settings, is_resident=with_engine)
        self.engine = Engine(self.workspace, settings.clock, store) if with_engine else None
        self.library = Library(store, settings.clock, self.catalogue)
        self._lock = threading.Lock()
        self._catalogue: Catalogue | None = None

    def catalogue(self) -> Catalogue:
        """What can be asked, as of the newest published version.

        Raises:
            NotPublishedError: nothing has been published yet.
        """
        with self._lock:
            if self._catalogue is None or self._catalogue.version != self.workspace.version.number:
                self._catalogue = read_catalogue(self.workspace)
            return self._catalogue

    def read_rule(self, document: Any) -> Rule:
        """A rule from a document in either format; whether it fits the catalogue is not looked at.

        Raises:
            InvalidRuleError: it cannot be read; names each place.
        """
        return convert(document, self.catalogue()) if is_flat(document) else parse(document)

    def checked_rule(self, document: Any, key: str = "") -> Rule:
        """A rule that fits the catalogue, and the other segments if it became the rule of `key`.

        Raises:
            InvalidRuleError: names each place.
        """
        rule = self.read_rule(document)
        names_others = bool(segments_used(rule))
        faults = self.library.faults(key, rule) if names_others else check(rule, self.catalogue())
        if faults:
            raise InvalidRuleError(list(faults))
        return rule

    def sentence(self, rule: Rule) -> str:
        """The rule in words."""
        return sentence(rule, self.catalogue())

    def members(self, segment: Segment) -> Ids:
        """Numbers of the members, in ascending order.

        Raises:
            InvalidRuleError: the rule does not fit the catalogue any more.
        """
        return self.people_of(rule_of(segment))

    def people_of(self, rule: Rule) -> Ids:
        """Numbers of the people for whom a rule is true, in ascending order."""
        rules, frozen = self._others(rule)
        if self.engine is not None:
            return self.engine.members(rule, rules, frozen)
        now, zone = self.settings.clock.now(), self.settings.workspace_time_zone
        compiled = compile_rule(rule, self.catalogue(), now, zone, segments=rules, frozen=frozen)
        found = self.workspace.cursor().execute(compiled.sql, list(compiled.parameters)).fetchnumpy()
        return np.sort(np.asarray(found["person_id"], np.int64))

    def preview(self, rule: Rule, sample: int = 0) -> Preview:
        """Count a rule: for whom it is true, by lifecycle and country, reachable by channel; and each of its parts."""
        rules, frozen = self._others(rule)
        return self._needed_engine().preview(rule, rules, frozen, sample)

    def overlap(self, keys: Sequence[str]) -> Overlap:
        """How segments overlap.

        Raises:
            NotFoundError: there is no such segment.
        """
        chosen = {key: rule_of(self.library.get(key)) for key in keys}
        rules, frozen = self._others(*chosen.values())
        return self._needed_engine().overlap(chosen, rules, frozen)

    def keep_in_step(self) -> None:
        """Take on the newest published version now, so that the next question need not wait for that.

        Raises:
            NotPublishedError: nothing has been published yet.
        """
        engine = self._needed_engine()
        if engine.version != self.workspace.version.number:
            engine.refresh()
            self.catalogue()
            warm(engine)

    def _needed_engine(self) -> Engine:
        if self.engine is None:
            raise NotPermittedError("this desk was opened without an engine: open it with one to count rules")
        return self.engine

    def why(self, segment: Segment, person_id: int) -> Clause:
        """Whether somebody is in a segment, clause by clause; of a static one, whether they would be now.

        Raises:
            NotFoundError: there is no such person.
        """
        rules, frozen = self._others(segment.rule)
        return explain(
            self.workspace, segment.rule, self.catalogue(), person_id, self.settings.clock.now(),
            self.settings.workspace_time_zone, rules, frozen,
        )  # fmt: skip

    def _others(self, *rules: Rule) -> tuple[Mapping[str, Rule], Collection[str]]:
        """The rules that these may name, and the keys of those whose members are written down; nothing if none is."""
        if not any(segments_used(rule) for rule in rules):
            return NO_RULES, ()
        active = self.library.list()
        return {found.key: found.rule for found in active}, [found.key for found in active if is_frozen(found)]


def is_frozen(segment: Segment) -> bool:
    """Whether a static segment has its members already; until then it is answered by its rule."""
    evaluation = segment.evaluation
    return segment.kind == "static" and evaluation is not None and evaluation.rule_version >= segment.version


def rule_of(segment: Segment) -> Rule:
    """The rule that gives a segment's members: its own, or membership where they are written down."""
    return Rule(where=Membership(segment=segment.key)) if is_frozen(segment) else segment.rule
