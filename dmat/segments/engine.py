"""The engine: answers rules about everybody from arrays, in milliseconds, in step with the published warehouse.

Belongs here: moving to a newer version, putting the answers to conditions together, previews, overlaps. Stays out:
what a condition means (`conditions.py`, `event_conditions.py`, `sequence_conditions.py`), keeping memberships
(`membership.py`, `passes.py`). Answers equal those of the SQL of `compiler.py`; what arrays cannot answer is asked
of SQL and kept as bits like the rest.

>>> engine = Engine(workspace, settings.clock, open_store(settings))
>>> engine.preview(rule).count
>>> engine.members(rule)
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from dmat.clock import Clock
from dmat.segments.answer_shapes import Breakdown, Overlap, Preview, spread_sample
from dmat.segments.bitmaps import Bits, Ids, PersonIndex, Places
from dmat.segments.catalogue import PEOPLE_TABLE, PERSON_COLUMN, Catalogue, Field, read_catalogue
from dmat.segments.checking import check
from dmat.segments.compiler import MEMBERSHIPS_TABLE
from dmat.segments.conditions import Terms
from dmat.segments.event_arrays import EventArrays
from dmat.segments.flips import next_flip
from dmat.segments.leaves import NEW_PEOPLE, Leaves
from dmat.segments.limits import Limits, usual_limits
from dmat.segments.membership import Moments
from dmat.segments.person_columns import PersonColumns, Source
from dmat.segments.reach import Reach
from dmat.segments.rules import InvalidRuleError, Rule
from dmat.segments.snapshot import Pinned, Snapshot, take_snapshot
from dmat.segments.together import KnownRules, Question, intersections, named_segments
from dmat.segments.turning import Few, turned
from dmat.segments.view import View
from dmat.store import Store
from dmat.warehouse import Workspace

Rules = Mapping[str, Rule]
_RULES_KEPT = 4_000
_NO_RULES: Rules = {}


@dataclass
class _State:
    """Everything that belongs to one published version."""

    snapshot: Snapshot
    catalogue: Catalogue
    columns: PersonColumns
    arrays: EventArrays
    leaves: Leaves
    reach: Reach
    terms: Terms

    @property
    def everybody(self) -> Bits:
        return self.columns.everybody


class Engine:
    """Answers rules; safe to share between threads.

    Args:
        workspace: the published warehouse.
        clock: what time it is.
        store: where suppressed addresses are; without it nobody counts as suppressed.
        zone: the workspace's time zone; that of the settings when left out.
        limits: memory that arrays may take; by the number of people when left out.
        read: gives the catalogue of a version.
    """

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        store: Store | None = None,
        zone: str = "",
        limits: Limits | None = None,
        read: Callable[[Workspace], Catalogue] = read_catalogue,
    ) -> None:
        self.workspace, self.clock, self.store, self._read = workspace, clock, store, read
        self.zone = zone or workspace.settings.workspace_time_zone
        self.limits = limits
        self._lock = threading.RLock()
        self._state: _State | None = None
        self._known = KnownRules()
        self._checked: OrderedDict[tuple[int, int], tuple[Rule, object]] = OrderedDict()
        self._frozen: dict[str, tuple[int, Bits]] = {}
        self._breakdowns: dict[str, Breakdown] = {}
        self._watchers: list[Callable[[Mapping[str, Places | None]], None]] = []

    # -- in step -----------------------------------------------------------------------------------------------------

    @property
    def index(self) -> PersonIndex:
        """Person number -> place of the bit."""
        return self._now().columns.index

    @property
    def version(self) -> int:
        """The published version that is answered from; 0 before the first question."""
        return 0 if self._state is None else self._state.snapshot.version.number

    @property
    def catalogue(self) -> Catalogue:
        """What can be asked, of the version that is answered from."""
        return self._now().catalogue

    @property
    def moment(self) -> datetime:
        """The moment that is answered for."""
        return self._now().terms.now

    @property
    def data_as_of(self) -> datetime:
        """Up to when the data of the version reach."""
        return self._now().snapshot.version.data_as_of

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        state = self._now()
        return state.columns.nbytes + state.arrays.nbytes + state.leaves.nbytes

    def refresh(self, now: datetime | None = None) -> None:
        """Take on the newest published version and this moment (by default that of the clock).

        Raises:
            NotPublishedError: nothing has been published yet.
        """
        with self._lock:
            moment = now or self.clock.now()
            if self._state is None:
                self._state = self._open(moment)
            elif self.workspace.version.number != self.version:
                self._step(self._state)
            self._state.terms = Terms(moment, self.zone)

    def watch(self, watcher: Callable[[Mapping[str, Places | None]], None]) -> None:
        """Call back after each newer version with the places that changed, by source; None where all may have."""
        self._watchers.append(watcher)

    def forget(self) -> None:
        """Drop everything; it is read again when asked for."""
        with self._lock:
            self._state = None
            self._frozen.clear()
            self._breakdowns.clear()
            self._checked.clear()

    def drop_answers(self) -> None:
        """Drop the kept answers to conditions; columns and events stay."""
        with self._lock:
            self._now().leaves.forget()

    def drop_arrays(self) -> None:
        """Drop columns, events and answers; what every preview needs stays: who is who, in which country, reachable."""
        with self._lock:
            state = self._now()
            state.leaves.forget()
            state.columns.forget(keep=[Source(PEOPLE_TABLE, column) for column in self._breakdowns])
            state.arrays.forget()

    def read_ahead(self, field: Field, share: float) -> bool:
        """Read the column of a field unless columns take that share of their memory; whether it is there now."""
        source = Source(field.table, field.column, field.person_column)
        with self._lock:
            columns = self._now().columns
            if source not in columns and columns.used_bytes > share * columns.limit_bytes:
                return False
            return columns.column(source) is not None

    def _now(self) -> _State:
        if self._state is None:
            self.refresh()
        assert self._state is not None  # noqa: S101 - refresh sets it or raises
        return self._state

    def _open(self, now: datetime) -> _State:
        snapshot = take_snapshot(self.workspace)
        catalogue = self._read(Pinned(self.workspace, snapshot))
        limits = self.limits or usual_limits(snapshot.number(f"select count(*) from {PEOPLE_TABLE}"))
        columns = PersonColumns(snapshot, limits.columns)
        arrays = EventArrays(snapshot, columns.index, limits.events)
        leaves = Leaves(View(catalogue, columns, arrays), limits.answers)
        return _State(snapshot, catalogue, columns, arrays, leaves, Reach(columns, self.store), Terms(now, self.zone))

    def _step(self, state: _State) -> None:
        """Move to the newest version by what it changed."""
        snapshot = take_snapshot(self.workspace)
        catalogue = self._read(Pinned(self.workspace, snapshot))
        before = state.everybody
        changes = state.columns.step(snapshot)
        people = changes[PEOPLE_TABLE]
        after = state.everybody
        before = before.grown(after.size)
        moved = people if before.without(after) else np.empty(0, np.int32)
        events = state.arrays.step(snapshot, catalogue.events, moved)
        changes |= {f"event:{key}": places for key, places in events.items()}
        changes[NEW_PEOPLE] = after.without(before).places()
        state.reach.step(people)
        if not _is_alike(catalogue, state.catalogue):
            state.leaves.forget()
            self._checked.clear()
        state.snapshot, state.catalogue = snapshot, catalogue
        state.leaves.note(changes, View(catalogue, state.columns, state.arrays))
        self._breakdowns.clear()
        for watcher in self._watchers:
            watcher(changes)

    # -- answers -----------------------------------------------------------------------------------------------------

    def bits(self, rule: Rule, rules: Rules | None = None, frozen: Collection[str] = ()) -> Bits:
        """Who is in, by place, of the version and the moment of the last `refresh`.

        Args:
            rule: the rule.
            rules: the rules of the segments that may be named.
            frozen: keys of those whose people are the kept ones, not those of a rule.

        Raises:
            InvalidRuleError: the rule does not fit the catalogue.
        """
        with self._lock:
            return self._bits(rule, rules or _NO_RULES, frozenset(frozen))

    def bits_of_all(self, wanted: Rules, rules: Rules | None = None, frozen: Collection[str] = ()) -> dict[str, Bits]:
        """The same for many rules, by key: what they share is asked once, and arrays are cut once for all of them.

        Raises:
            InvalidRuleError: one of the rules does not fit the catalogue.
        """
        with self._lock:
            state, others = self._now(), rules or _NO_RULES
            for rule in wanted.values():
                self._check(rule, others)
            named = [others[key] for key in named_segments(wanted.values(), others) if key not in frozen]
            askings = [each for rule in (*wanted.values(), *named) for each in self._known.askings_of(rule).values()]
            state.leaves.bits(askings, state.terms)
            question = self._question(state, others, frozenset(frozen))
            found = {key: question.people(rule, None) for key, rule in wanted.items()}
            return {key: bits.grown(state.columns.size) for key, bits in found.items()}

    def members(self, rule: Rule, rules: Rules | None = None, frozen: Collection[str] = ()) -> Ids:
        """The numbers of the people for whom a rule is true, ascending.

        Raises:
            InvalidRuleError: the rule does not fit the catalogue.
        """
        with self._lock:
            self.refresh()
            return np.sort(self.index.ids[self.bits(rule, rules, frozen).places()])

    def reachable(self, rule: Rule, channel: str, rules: Rules | None = None, frozen: Collection[str] = ()) -> Ids:
        """Of the people for whom a rule is true, the numbers of those whom a channel reaches, ascending.

        These are the people that `preview` counts as reachable: consent, an address, and no suppression of it.

        Raises:
            InvalidRuleError: the rule does not fit the catalogue.
        """
        with self._lock:
            self.refresh()
            people = self.bits(rule, rules, frozen)
            reached = self._now().reach.channels().get(channel)
            found = people & reached.grown(people.size) if reached is not None else Bits.none(people.size)
            return np.sort(self.index.ids[found.places()])

    def preview(
        self, rule: Rule, rules: Rules | None = None, frozen: Collection[str] = (), sample: int = 10
    ) -> Preview:
        """How many people a rule is true for, by lifecycle and country, reachable by channel, and some of them.

        Raises:
            InvalidRuleError: the rule does not fit the catalogue.
        """
        started = time.perf_counter()
        with self._lock:
            self.refresh()
            state, counts = self._now(), dict[str, int]()
            people = self._bits(rule, rules or _NO_RULES, frozenset(frozen), counts)
            reachable = {
                channel: people.common(each.grown(people.size)) for channel, each in state.reach.channels().items()
            }
            return Preview(
                count=len(people),
                everybody=len(state.everybody),
                by_lifecycle=self._by("lifecycle", people),
                by_country=self._by("country_code", people),
                reachable=dict(sorted(reachable.items())),
                per_condition=counts,
                sample=spread_sample(people, self.index.ids, sample),
                version=self.version,
                data_as_of=state.snapshot.version.data_as_of,
                at=state.terms.now,
                seconds=time.perf_counter() - started,
            )

    def overlap(self, chosen: Rules, rules: Rules | None = None, frozen: Collection[str] = ()) -> Overlap:
        """How segments overlap, at most 60 of them.

        Raises:
            InvalidRuleError: one of the rules does not fit the catalogue.
        """
        with self._lock:
            self.refresh()
            found = {key: self._bits(rule, rules or _NO_RULES, frozenset(frozen)) for key, rule in chosen.items()}
            found = {key: bits.grown(self._now().columns.size) for key, bits in found.items()}
        keys = list(found)
        pairs = {
            (one, other): found[one].common(found[other])
            for number, one in enumerate(keys)
            for other in keys[number + 1 :]
        }
        return Overlap({key: len(bits) for key, bits in found.items()}, pairs, intersections(found))

    def turned(
        self, rule: Rule, ids: Ids, since: datetime, rules: Rules | None = None, frozen: Collection[str] = ()
    ) -> Moments:
        """When time alone made a rule say of people what it says now and did not at `since`; else not a time."""
        with self._lock:
            state, others = self._now(), rules or _NO_RULES
            kept = {key: self._frozen_people(key) for key in named_segments([rule], others).intersection(frozen)}
            few = Few(state.leaves.view.of(state.columns.index.find(ids)), others, kept, self._known)
            return turned(rule, few, since, state.terms).view("datetime64[us]")

    def next_flip(self, rules: Rules) -> datetime | None:
        """A moment before which nobody enters or leaves by time alone; None when nobody ever does."""
        with self._lock:
            state = self._now()
            found = [
                next_flip(each.node, state.leaves.view, replace(state.terms, by_person=each.by_person))
                for rule in rules.values()
                for each in self._known.askings_of(rule).values()
            ]
            return min((moment for moment in found if moment is not None), default=None)

    # -- putting together --------------------------------------------------------------------------------------------

    def _bits(self, rule: Rule, rules: Rules, frozen: frozenset[str], counts: dict[str, int] | None = None) -> Bits:
        state = self._now()
        self._check(rule, rules)
        return self._question(state, rules, frozen).people(rule, counts)

    def _question(self, state: _State, rules: Rules, frozen: frozenset[str]) -> Question:
        return Question(state.leaves, state.columns, state.terms, self._known, self._frozen_people, rules, frozen)

    def _check(self, rule: Rule, rules: Rules) -> None:
        key = (id(rule), id(rules))
        known = self._checked.get(key)
        if known is not None and known[0] is rule and known[1] is rules:
            return
        faults = check(rule, self._now().catalogue, rules)
        if faults:
            raise InvalidRuleError(faults)
        self._checked[key] = (rule, rules)
        if len(self._checked) > _RULES_KEPT:
            self._checked.popitem(last=False)

    def hash_of(self, rule: Rule) -> str:
        """`rules.rule_hash`, kept."""
        with self._lock:
            return self._known.hash_of(rule)

    def _frozen_people(self, key: str) -> Bits:
        state = self._now()
        kept = self._frozen.get(key)
        if kept is None or kept[0] != self.version:
            ids = state.snapshot.ids(
                f"select distinct {PERSON_COLUMN} from {MEMBERSHIPS_TABLE} where segment_key = ? and left_at is null",
                [key],
            )
            places = state.columns.index.add(ids)
            kept = self._frozen[key] = (self.version, Bits.at(places, state.columns.size))
        return kept[1].grown(state.columns.size)

    def _by(self, column: str, people: Bits) -> dict[str, int]:
        columns = self._now().columns
        known = self._breakdowns.get(column)
        if known is None or len(known.column) != people.size:
            found = columns.column(Source(PEOPLE_TABLE, column))
            if found is None or found.kind != "text":
                return {}
            known = self._breakdowns[column] = Breakdown(found)
        return known.counts(people)


def _is_alike(one: Catalogue, other: Catalogue) -> bool:
    """Whether conditions mean the same under both."""
    return (one.fields, one.events, one.regions, one.zones) == (other.fields, other.events, other.regions, other.zones)
