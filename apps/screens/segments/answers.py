"""Answers about a rule in the making: counts by line, breakdown, faults, the sentence, and who would come and go.

Belongs here: one thin place between the screens and `dmat.segments`, which may be asked from any thread. Stays out:
state of a page (`drafting.py`), people by name (`members.py`) and what a rule means (`dmat.segments`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.context import Answers as Memory
from apps.context import Context
from apps.parts.words import sentence_case
from apps.screens.segments.members import Person, read_people
from apps.screens.segments.narrowing import CHANNELS, Narrow, channel_of, narrowed
from apps.screens.segments.pruning import Pruned, prune
from dmat.segments.answer_shapes import Overlap, Preview
from dmat.segments.bitmaps import Ids
from dmat.segments.catalogue import Catalogue, read_catalogue
from dmat.segments.compiler import Compiled, compile_rule
from dmat.segments.engine import Engine
from dmat.segments.library import Library
from dmat.segments.records import Segment
from dmat.segments.rules import All, Fault, InvalidRuleError, Membership, Not, Rule, parse
from dmat.segments.words import sentence

KEPT, SAMPLE, TOP = 600, 8, 6
SECONDS = 10


Subject = Rule | Segment


@dataclass(frozen=True)
class Share:
    """A part of an audience: its key, its words, and how many people it has."""

    key: str
    label: str
    count: int


@dataclass(frozen=True)
class Breakdown:
    """An audience by lifecycle and country, and who of it can be reached by each channel."""

    lifecycle: tuple[Share, ...] = ()
    countries: tuple[Share, ...] = ()
    reachable: tuple[Share, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What is known about a rule in the making; `counts` are by path, `left_out` are lines that are not finished."""

    serial: str
    count: int
    everybody: int
    counts: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    left_out: tuple[str, ...] = ()
    breakdown: Breakdown = Breakdown()
    sample: tuple[Person, ...] = ()
    sentence: str = ""
    rule: Rule | None = None
    version: int = 0
    data_as_of: datetime | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Change:
    """What a changed rule does to the members: how many come, go and stay, and some of them by name."""

    gained: int
    lost: int
    kept: int
    comers: tuple[Person, ...] = ()
    leavers: tuple[Person, ...] = ()


class Answers:
    """Answers for every page of one server, each worked out once for one version of the data and ten seconds."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.memory = Memory(KEPT)
        self.library = Library(context.store, context.settings.clock, self.catalogue)
        self.engine = Engine(context.workspace, context.settings.clock, context.store)

    def catalogue(self) -> Catalogue:
        """What can be asked of the newest published version."""
        number = self.context.workspace.version.number
        return self.memory.get(("catalogue", number), lambda: read_catalogue(self.context.workspace))

    def _moment(self) -> tuple[int, int]:
        return self.context.workspace.version.number, int(self.context.now().timestamp() // SECONDS)

    def others(self) -> dict[str, Segment]:
        """The active segments by key, which a rule may name."""
        return {each.key: each for each in self.memory.get(("segments", self._moment()), self.library.list)}

    def frozen(self) -> tuple[str, ...]:
        """Keys of the segments that hold whom they held when they were saved."""
        return tuple(key for key, each in self.others().items() if each.kind == "static")

    def forget(self) -> None:
        """Look at the segments anew, after one of them changed."""
        self.memory = Memory(KEPT)

    # -- a rule in the making ------------------------------------------------------------------------------------

    def ask(self, document: dict[str, Any], serial: str, key: str = "", narrow: Narrow | None = None) -> Answer:
        """Count, break down and check a rule in the making; lines that are not finished are left out."""
        begun = time.perf_counter()
        faults = self.faults(document, key)
        pruned = prune(document, [fault.path for fault in faults])
        told: dict[str, Any] = {"serial": serial, "faults": tuple(faults), "left_out": tuple(pruned.left_out)}
        try:
            rule = parse(pruned.document)
        except InvalidRuleError:  # what is wrong is wrong with the whole tree (too deep, too large): nothing is counted
            return Answer(count=0, everybody=self.preview(parse({"where": {"all": []}})).everybody, **told)
        found = self.preview(rule)
        return Answer(
            count=found.count, everybody=found.everybody, breakdown=breakdown_of(found),
            counts={pruned.places.get(path, path): count for path, count in found.per_condition.items()},
            sample=self.sample(rule, narrow), sentence=sentence(rule, self.catalogue()), rule=rule,
            version=found.version, data_as_of=found.data_as_of, seconds=time.perf_counter() - begun, **told,
        )  # fmt: skip

    def faults(self, document: Mapping[str, Any], key: str = "") -> list[Fault]:
        """Everything wrong with a rule: its shape, and of what has the right shape, what does not fit the data."""
        try:
            return [Fault(*fault) for fault in self.library.faults(key, parse(document))]
        except InvalidRuleError as error:
            shape = list(error.faults)
        pruned = prune(document, [fault.path for fault in shape])
        try:
            rest = self.library.faults(key, parse(pruned.document))
        except InvalidRuleError:
            return shape
        return shape + [Fault(_placed(path, pruned), what, allowed) for path, what, allowed in rest]

    # -- one rule or segment -------------------------------------------------------------------------------------

    def rule_of(self, subject: Subject) -> Rule:
        """The rule that gives a segment's people; a static one holds whom it held when it was saved."""
        if isinstance(subject, Rule):
            return subject
        is_frozen = subject.kind == "static" and subject.key in self.others()
        return Rule(where=Membership(segment=subject.key)) if is_frozen else subject.rule

    def compiled(self, rule: Rule) -> Compiled:
        """A rule as SQL, with the other segments that it may name."""
        rules = {key: each.rule for key, each in self.others().items()}
        now, zone = self.context.now(), self.context.zone
        return compile_rule(rule, self.catalogue(), now, zone, segments=rules, frozen=self.frozen())

    def preview(self, subject: Subject) -> Preview:
        """Counts of a rule or a segment."""
        rule = self.rule_of(subject)
        return self.memory.get(("preview", self._moment(), rule), lambda: self._preview(rule))

    def _preview(self, rule: Rule) -> Preview:
        rules = {key: each.rule for key, each in self.others().items()}
        return self.engine.preview(rule, rules, self.frozen(), sample=SAMPLE)

    def size(self, subject: Subject) -> int:
        """How many people a rule or a segment has."""
        return self.preview(subject).count

    def member_ids(self, subject: Subject) -> Ids:
        """The numbers of the members, in order."""
        rules = {key: each.rule for key, each in self.others().items()}
        return self.engine.members(self.rule_of(subject), rules, self.frozen())

    def reachable_ids(self, subject: Subject, channel: str) -> Ids:
        """The numbers of the members whom a channel reaches, in order: those that the figure beside it counts."""
        rules = {key: each.rule for key, each in self.others().items()}
        return self.engine.reachable(self.rule_of(subject), channel, rules, self.frozen())

    def overlap(self, subjects: Sequence[Segment]) -> Overlap:
        """How segments overlap."""
        rules = {key: each.rule for key, each in self.others().items()}
        asked = {each.key: self.rule_of(each) for each in subjects}
        key = ("overlap", self._moment(), *asked.items())
        return self.memory.get(key, lambda: self.engine.overlap(asked, rules, self.frozen()))

    def sample(self, subject: Subject, narrow: Narrow | None = None) -> tuple[Person, ...]:
        """Some people of a rule or a segment, the last seen first."""
        rule, channel = narrowed(self.rule_of(subject), narrow), channel_of(narrow)
        key = ("sample", self._moment(), rule, channel)
        return self.memory.get(key, lambda: read_people(self.context.workspace, self._some(rule, channel)))

    def _some(self, rule: Rule, channel: str) -> Sequence[int]:
        if not channel:
            return self.preview(rule).sample
        ids = self.reachable_ids(rule, channel)
        step = max(1, len(ids) // SAMPLE)
        return [int(number) for number in ids[::step][:SAMPLE]]

    def change(self, before: Rule, after: Rule) -> Change:
        """Who would come and who would go if one rule took the place of the other."""
        comes, goes = _only(after, before), _only(before, after)
        gained, lost = self.size(comes), self.size(goes)
        return Change(gained, lost, self.size(before) - lost, self.sample(comes)[:5], self.sample(goes)[:5])

    def currency(self) -> str:
        """The currency that most people buy in."""
        query = (
            "select currency_code from people.dim_people where currency_code is not null"
            " group by 1 order by count(*) desc, 1 limit 1"
        )
        number = self.context.workspace.version.number
        rows = self.memory.get(("currency", number), lambda: self.context.workspace.rows(query))
        return str(rows[0]["currency_code"]) if rows else "EUR"


def breakdown_of(found: Preview) -> Breakdown:
    """The audience by lifecycle, country and channel, as the screens show it."""
    return Breakdown(
        lifecycle=tuple(Share(key, sentence_case(key or "unknown"), n) for key, n in found.by_lifecycle.items()),
        countries=tuple(Share(key, key or "Unknown", n) for key, n in list(found.by_country.items())[:TOP]),
        reachable=tuple(Share(key, name, found.reachable[key]) for key, (name, _, _) in CHANNELS.items()
                        if key in found.reachable),
    )  # fmt: skip


def _only(one: Rule, other: Rule) -> Rule:
    """The people of one rule who are not those of the other."""
    if one.time_zone == other.time_zone:
        return one.model_copy(update={"where": All(children=(one.where, Not(child=other.where)))})
    return one


def _placed(path: str, pruned: Pruned) -> str:
    """A path in the pruned rule as the path in the rule it was made from."""
    found = max((place for place in pruned.places if path.startswith(place)), key=len, default="")
    return pruned.places[found] + path[len(found) :] if found else path
