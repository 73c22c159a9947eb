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

import numpy as np
import numpy.typing as npt

from apps.context import Answers as Memory
from apps.context import Context
from apps.parts.words import sentence_case
from apps.screens.segments.members import Person, read_sample
from apps.screens.segments.pruning import Pruned, nodes_of, prune
from dmat.segments.catalogue import Catalogue, read_catalogue
from dmat.segments.compiler import Compiled, compile_rule
from dmat.segments.library import Library
from dmat.segments.records import Segment
from dmat.segments.rules import Fault, InvalidRuleError, Rule, parse
from dmat.segments.words import sentence

Subject = Rule | Segment
_FROZEN = "select person_id from segments.segment_memberships where segment_key = ? and left_at is null"
KEPT = 600
SAMPLE = 8
TOP = 6


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

    def catalogue(self) -> Catalogue:
        """What can be asked of the newest published version."""
        number = self.context.workspace.version.number
        return self.memory.get(("catalogue", number), lambda: read_catalogue(self.context.workspace))

    # -- a rule in the making ------------------------------------------------------------------------------------

    def ask(self, document: dict[str, Any], serial: str, key: str = "", narrow: tuple[str, str] | None = None) -> Answer:
        """Count, break down and check a rule in the making; lines that are not finished are left out."""
        begun = time.perf_counter()
        faults = self.faults(document, key)
        pruned = prune(document, [fault.path for fault in faults])
        try:
            rule = parse(pruned.document)
        except InvalidRuleError:  # what is wrong is wrong with the whole tree (too deep, too large): nothing is counted
            return Answer(serial, 0, self.everybody(), faults=tuple(faults), left_out=tuple(pruned.left_out))
        version = self.context.workspace.version
        counts = self._counts(pruned)
        return Answer(
            serial=serial, count=counts.get("where", self.everybody()), everybody=self.everybody(), counts=counts,
            faults=tuple(faults), left_out=tuple(pruned.left_out), breakdown=self.breakdown(rule),
            sample=self.sample(rule, narrow), sentence=sentence(rule, self.catalogue()), rule=rule,
            version=version.number, data_as_of=version.data_as_of, seconds=time.perf_counter() - begun,
        )  # fmt: skip

    def faults(self, document: Mapping[str, Any], key: str = "") -> list[Fault]:
        """Everything wrong with a rule: its shape first, and of what has the right shape, what does not fit the data."""
        try:
            rule = parse(document)
        except InvalidRuleError as error:
            shape = list(error.faults)
        else:
            return [Fault(*fault) for fault in self.library.faults(key, rule)]
        pruned = prune(document, [fault.path for fault in shape])
        try:
            rest = self.library.faults(key, parse(pruned.document))
        except InvalidRuleError:
            return shape
        return shape + [Fault(_placed(path, pruned), what, allowed) for path, what, allowed in rest]

    def _counts(self, pruned: Pruned) -> dict[str, int]:
        rest = {name: value for name, value in pruned.document.items() if name != "where"}
        nodes = nodes_of(pruned.document)
        return {pruned.places.get(path, path): self.count(parse({**rest, "where": node})) for path, node in nodes.items()}

    # -- one rule or segment -------------------------------------------------------------------------------------

    def members_sql(self, subject: Subject) -> tuple[str, list[Any]]:
        """The query that gives the person numbers of a rule's or a segment's members, and its parameters."""
        if isinstance(subject, Segment) and subject.kind == "static":
            return _FROZEN, [subject.key]
        compiled = self.compiled(subject.rule if isinstance(subject, Segment) else subject)
        return compiled.sql, list(compiled.parameters)

    def compiled(self, rule: Rule) -> Compiled:
        """A rule as SQL, with the other segments that it may name."""
        others = {key: each.rule for key, each in self.others().items()}
        return compile_rule(
            rule, self.catalogue(), self.context.now(), self.context.zone, segments=others, frozen=self.frozen()
        )

    def others(self) -> dict[str, Segment]:
        """The segments that a rule may name, by key."""
        found = self.memory.get(("segments", self._moment()), self.library.list)
        return {each.key: each for each in found}

    def frozen(self) -> tuple[str, ...]:
        """Keys of the segments that hold whom they held when they were saved."""
        return tuple(key for key, each in self.others().items() if each.kind == "static")

    def rows(self, query: str, *subjects: Subject, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run a query that reads `members` (and `members_2` ...), the people of rules or segments."""
        parts, bound = [], []
        for number, each in enumerate(subjects, 1):
            sql, own = self.members_sql(each)
            parts.append(f"{'members' if number == 1 else f'members_{number}'} as ({sql})")
            bound += own
        return self.context.workspace.rows(f"with {', '.join(parts)} {query}", [*bound, *parameters])

    def _moment(self) -> tuple[int, int]:
        return self.context.workspace.version.number, int(self.context.now().timestamp() // 10)

    def everybody(self) -> int:
        """How many people there are."""
        number = self.context.workspace.version.number
        query = "select count(*) as n from people.dim_people"
        return self.memory.get(("everybody", number), lambda: int(self.context.workspace.rows(query)[0]["n"]))

    def currency(self) -> str:
        """The currency that most people buy in."""
        number = self.context.workspace.version.number
        query = (
            "select currency_code from people.dim_people where currency_code is not null"
            " group by 1 order by count(*) desc, 1 limit 1"
        )
        rows = self.memory.get(("currency", number), lambda: self.context.workspace.rows(query))
        return str(rows[0]["currency_code"]) if rows else "EUR"

    def count(self, subject: Subject) -> int:
        """How many people a rule or a segment has."""
        return self.memory.get(("count", self._moment(), subject), lambda: self._count(subject))

    def _count(self, subject: Subject) -> int:
        return int(self.rows("select count(*) as n from members", subject)[0]["n"])

    size = count

    def member_ids(self, subject: Subject) -> npt.NDArray[np.int64]:
        """The numbers of the members, in order."""
        rows = self.rows("select person_id from members order by 1", subject)
        return np.array([row["person_id"] for row in rows], dtype=np.int64)

    def shared(self, one: Subject, other: Subject) -> int:
        """How many people two have in common."""
        query = "select count(*) as n from members where person_id in (select person_id from members_2)"
        return self.memory.get(
            ("shared", self._moment(), one, other), lambda: int(self.rows(query, one, other)[0]["n"])
        )

    def combinations(self, keys: Sequence[str]) -> dict[frozenset[str], int]:
        """How many people are in exactly these segments and in none of the others, for each combination."""
        segments = [self.library.get(key) for key in keys]
        tables = ["members", *(f"members_{number}" for number in range(2, len(segments) + 1))]
        marks = " union all ".join(f"select {1 << n} as mark, person_id from {each}" for n, each in enumerate(tables))
        rows = self.rows(
            f"select mark, count(*) as n from (select sum(mark) as mark from ({marks}) group by person_id) group by 1",
            *segments,
        )
        return {
            frozenset(key for number, key in enumerate(keys) if int(row["mark"]) >> number & 1): int(row["n"])
            for row in rows
        }

    def breakdown(self, subject: Subject) -> Breakdown:
        """The audience by lifecycle, country and channel."""
        return self.memory.get(("breakdown", self._moment(), subject), lambda: self._breakdown(subject))

    def _breakdown(self, subject: Subject) -> Breakdown:
        people = "from people.dim_people where person_id in (select person_id from members)"
        channels = [each for each in self.catalogue().fields.values() if each.type == "consent"]
        sums = ", ".join(f'count(*) filter (where "{each.column}") as "{each.key}"' for each in channels)
        reach = self.rows(f"select {sums} {people}", subject)[0] if channels else {}
        lifecycle, countries = (
            self.rows(f"select coalesce({column}, '') as key, count(*) as n {people} group by 1 order by 2 desc, 1", subject)
            for column in ("lifecycle", "country_code")
        )
        return Breakdown(
            lifecycle=tuple(Share(row["key"], sentence_case(row["key"] or "unknown"), int(row["n"])) for row in lifecycle),
            countries=tuple(Share(row["key"], row["key"] or "Unknown", int(row["n"])) for row in countries[:TOP]),
            reachable=tuple(Share(each.key, _channel_name(each.label), int(reach[each.key] or 0))
                            for each in channels),
        )  # fmt: skip

    def sample(self, rule: Rule, narrow: tuple[str, str] | None = None) -> tuple[Person, ...]:
        """Some people of the audience, the last seen first."""
        return self.memory.get(("sample", self._moment(), rule, narrow), lambda: read_sample(self, rule, narrow, SAMPLE))

    def change(self, before: Rule, after: Rule) -> Change:
        """Who would come and who would go if one rule took the place of the other."""
        kept = self.shared(before, after)
        return Change(
            gained=self.count(after) - kept, lost=self.count(before) - kept, kept=kept,
            comers=read_sample(self, after, None, 5, without=before), leavers=read_sample(self, before, None, 5, without=after),
        )  # fmt: skip


def _channel_name(label: str) -> str:
    """Consent to e-mail -> E-mail."""
    name = label.removeprefix("Consent to ")
    return name[:1].upper() + name[1:]


def _placed(path: str, pruned: Pruned) -> str:
    """A path in the pruned rule as the path in the rule it was made from."""
    found = max((place for place in pruned.places if path.startswith(place)), key=len, default="")
    return pruned.places[found] + path[len(found) :] if found else path
