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
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from dmat.segments.catalogue import PEOPLE_TABLE, Catalogue, read_catalogue
from dmat.segments.compiler import MEMBERSHIPS_TABLE, compile_rule
from dmat.segments.library import Library
from dmat.segments.prd_rules import convert, is_flat
from dmat.segments.records import Segment
from dmat.segments.rules import InvalidRuleError, Rule, parse, walk
from dmat.segments.why import Clause, explain
from dmat.segments.words import sentence
from dmat.settings import Settings
from dmat.store import Store
from dmat.warehouse import Workspace

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Overlap:
    """How segments overlap: `exactly` has each combination that somebody is in, and in no other of the segments."""

    sizes: dict[str, int]
    union: int
    exactly: dict[tuple[str, ...], int]


@dataclass(frozen=True)
class Preview:
    """A rule, counted; `conditions` has the count of each node of the tree by its path."""

    count: int
    everybody: int
    by_lifecycle: dict[str, int]
    by_country: dict[str, int]
    reachable: dict[str, int]
    conditions: dict[str, int]
    version: int
    data_as_of: datetime
    seconds: float


class Desk:
    """Segments of one workspace; safe to share between threads."""

    def __init__(self, settings: Settings, store: Store, workspace: Workspace | None = None) -> None:
        self.settings = settings
        self.workspace = workspace or Workspace(settings)
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
        faults = self.library.faults(key, rule)
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
        if is_frozen(segment):
            query = f"select distinct person_id from {MEMBERSHIPS_TABLE} where segment_key = ? and left_at is null"
            return self._ids(query, [segment.key])
        return self.people_of(segment.rule)

    def people_of(self, rule: Rule) -> Ids:
        """Numbers of the people for whom a rule is true, in ascending order."""
        rules, frozen = self._others()
        now, zone = self.settings.clock.now(), self.settings.workspace_time_zone
        compiled = compile_rule(rule, self.catalogue(), now, zone, segments=rules, frozen=frozen)
        return self._ids(compiled.sql, compiled.parameters)

    def _ids(self, query: str, parameters: Sequence[Any]) -> Ids:
        found = self.workspace.cursor().execute(query, list(parameters)).fetchnumpy()
        return np.sort(np.asarray(found["person_id"], np.int64))

    def preview(self, rule: Rule) -> Preview:
        """Count a rule: for whom it is true, by lifecycle and country, reachable by channel; and each of its parts."""
        begun, version = time.perf_counter(), self.workspace.version
        ids = self.people_of(rule).tolist()
        chosen = f"{PEOPLE_TABLE} as p where p.person_id in (select unnest(?::bigint[]))"
        by = {
            column: {
                str(row["key"] or ""): int(row["found"])
                for row in self.workspace.rows(
                    f"select {column} as key, count(*) as found from {chosen} group by 1 order by 2 desc, 1", [ids]
                )
            }
            for column in ("lifecycle", "country_code")
        }
        reachable = {
            field.key.removeprefix("has_").removesuffix("_consent"): int(
                self.workspace.rows(f"select count(*) as found from {chosen} and p.{field.column}", [ids])[0]["found"]
            )
            for field in self.catalogue().fields.values()
            if field.type == "consent" and field.table == PEOPLE_TABLE
        }
        conditions = {path: len(self.people_of(rule.model_copy(update={"where": node}))) for path, node in walk(rule)}
        everybody = int(self.workspace.rows(f"select count(*) as found from {PEOPLE_TABLE}")[0]["found"])
        return Preview(
            len(ids), everybody, by["lifecycle"], by["country_code"], reachable, conditions, version.number,
            version.data_as_of, time.perf_counter() - begun,
        )  # fmt: skip

    def overlap(self, keys: Sequence[str]) -> Overlap:
        """How many people are in exactly these of the segments, for each combination of them.

        Raises:
            NotFoundError: there is no such segment.
        """
        sets = {key: self.members(self.library.get(key)) for key in keys}
        everybody = np.unique(np.concatenate([*sets.values(), np.empty(0, np.int64)]))
        code = np.zeros(len(everybody), np.int64)
        for number, members in enumerate(sets.values()):
            code |= np.isin(everybody, members).astype(np.int64) << number
        counts = np.bincount(code, minlength=1 << len(keys))
        exactly = {
            chosen: int(counts[sum(1 << keys.index(key) for key in chosen)])
            for size in range(1, len(keys) + 1)
            for chosen in combinations(keys, size)
        }
        kept = {chosen: count for chosen, count in exactly.items() if count}
        return Overlap({key: len(members) for key, members in sets.items()}, len(everybody), kept)

    def why(self, segment: Segment, person_id: int) -> Clause:
        """Whether somebody is in a segment, clause by clause; of a static one, whether they would be now.

        Raises:
            NotFoundError: there is no such person.
        """
        rules, frozen = self._others()
        return explain(
            self.workspace, segment.rule, self.catalogue(), person_id, self.settings.clock.now(),
            self.settings.workspace_time_zone, rules, frozen,
        )  # fmt: skip

    def _others(self) -> tuple[dict[str, Rule], list[str]]:
        """The rules that a rule may name, and which of them are frozen."""
        active = self.library.list()
        rules = {segment.key: segment.rule for segment in active}
        return rules, [segment.key for segment in active if is_frozen(segment)]


def is_frozen(segment: Segment) -> bool:
    """Whether a static segment has its members already; until then it is answered by its rule."""
    evaluation = segment.evaluation
    return segment.kind == "static" and evaluation is not None and evaluation.rule_version >= segment.version
