"""Replay: a journey on the past, by the same code and with a virtual clock; nothing is written and nothing is sent.

Belongs here: walking through the past, keeping members in memory. Stays out: what the gate would have said
(`replay_gate.py`), what it comes to (`replay_report.py`).

A journey that was live is replayed as it was lived: late news when it was known, standing still when nobody looked, the
switch from one version to the next where it was. Then it plans the rows that its ledger holds (`differences`).
Of a journey that never ran nothing is known about reactions to its messages: they count as not opened.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from dmat.campaigns.addressing import NO_NEEDS
from dmat.campaigns.holdout import is_held_out
from dmat.campaigns.templates_of_steps import Needs
from dmat.errors import InvalidInputError, NotFoundError
from dmat.journeys.admitting import Stay, admit, begin_of, in_order, in_their_segments
from dmat.journeys.answers import find_answers
from dmat.journeys.before_log import Past
from dmat.journeys.crowd import One, live_all
from dmat.journeys.definition import as_document, parse_definition
from dmat.journeys.entries import Candidate, Source, find_entries
from dmat.journeys.happenings import Happenings, find_happenings
from dmat.journeys.known import NOTHING_KNOWN, Known
from dmat.journeys.living import Life
from dmat.journeys.machine import WAITING, Happening, enter
from dmat.journeys.people import dates_needed, read_people
from dmat.journeys.records import JourneyVersion
from dmat.journeys.runner import begins_at
from dmat.journeys.sending import Sending, needs_of_step, prepare, without_shared
from dmat.journeys.steps import Send
from dmat.journeys.triggers import Schedule, Segment
from dmat.ledger.post import NewEntry
from dmat.store.engine import rows_of
from dmat.store.tables import ledger_entries

A_DAY = timedelta(days=1)
LONGEST = timedelta(days=731)
COMPARED = (
    "person_id", "channel", "address", "is_holdout", "expires_at", "purpose", "priority", "template",
    "template_version", "locale", "variant",
)  # fmt: skip


@dataclass(slots=True)
class Replayed:
    """A member of a replay; `until` when it was moved to another version, `passed` what it passed in one before."""

    entry_key: str
    life: Life
    is_holdout: bool
    pending: list[Happening] = field(default_factory=list)
    until: datetime | None = None
    passed: frozenset[str] = frozenset()


@dataclass
class Replay:
    """What a replay did: members, rows of the ledger in the order of time, and whom it refused.

    Attributes:
        reckoned_until: until when the segment that starts it was reckoned by its rule; None: it was written down.
        begun_at: when it was taken to begin, of a journey whose one moment is out of the span.
    """

    version: JourneyVersion
    since: datetime
    until: datetime
    members: dict[str, Replayed]
    rows: list[NewEntry]
    refused: Counter[str]
    reckoned_until: datetime | None = None
    begun_at: datetime | None = None

    @property
    def withdrawn(self) -> set[tuple[str, str]]:
        """(step, entry) of messages whose journey ended before they were due to end, and that may not have left."""
        found = set()
        for key, member in self.members.items():
            if member.life.withdrawn_at is not None:
                found |= {(effect.step.key, key) for effect in member.life.effects if effect.step.do == "send"}
        return found


def replay(
    source: Source, journey_id: int, version: JourneyVersion, since: datetime, until: datetime,
    known: Known = NOTHING_KNOWN, at_once: timedelta = A_DAY,
) -> Replay:  # fmt: skip
    """Live a journey through a span of the past.

    Args:
        source: the workspace.
        journey_id: whose requests of other systems count; 0 for a journey that is not kept.
        version: what is replayed.
        since, until: entries after `since` and up to `until`; members are lived on until then.
        known: how it was lived (`known.read_known`); nothing: everything was known when it happened.
        at_once: how far each stride of the virtual clock goes; it changes speed and memory, not the result.

    Raises:
        InvalidInputError: the span is empty or longer than two years.
        NotFoundError: a segment, an event or, of a journey that is kept, a template is gone.
    """
    if until <= since or until - since > LONGEST:
        raise InvalidInputError("to", "this is no span to replay", "later than from, at most two years later")
    version, begun_at = _begun_within(version, since, until) if known is NOTHING_KNOWN else (version, None)
    walk = _Replaying(source, journey_id, version, known)
    for moment, now in _strides(since, until, at_once):
        walk.stride(moment, now)
    begins = walk.reckoned_until(since)
    return Replay(version, since, until, walk.members, walk.rows(), walk.refused, begins, begun_at)


def _begun_within(version: JourneyVersion, since: datetime, until: datetime) -> tuple[JourneyVersion, datetime | None]:
    """A journey that begins once, at a moment out of the span, as if that were the first such time of day within it."""
    trigger = version.definition.trigger
    moment = trigger.moment if isinstance(trigger, Schedule) else None
    if moment is None or since < moment <= until:
        return version, None
    at = datetime.combine(since.date(), moment.time())
    at = at if at > since else at + A_DAY
    if at > until:
        return version, None
    document = as_document(version.definition)
    moved = parse_definition(document | {"trigger": document["trigger"] | {"moment": at.isoformat()}})
    return replace(version, definition=moved), at


def _strides(since: datetime, until: datetime, size: timedelta) -> Iterator[tuple[datetime, datetime]]:
    moment = since
    while moment < until:
        yield moment, min(moment + size, until)
        moment += size


class _Replaying:
    """One replay while it goes on."""

    def __init__(self, source: Source, journey_id: int, version: JourneyVersion, known: Known) -> None:
        self._source, self._journey_id, self._version = source, journey_id, version
        self._known, self._definition = known.of_version(version.version), version.definition
        self._past: Past | None = None
        trigger = self._definition.trigger
        if known is NOTHING_KNOWN and isinstance(trigger, (Schedule, Segment)):
            self._past = Past(source.desk, trigger.segment)
        self._due: list[tuple[datetime, str]] = []
        self._later: list[Candidate] = []
        self._heard: dict[str, list[Happening]] = defaultdict(list)
        self._stays: dict[int, list[str]] = defaultdict(list)
        self._of_person: dict[int, set[str]] = defaultdict(set)
        self.members: dict[str, Replayed] = {}
        self.refused: Counter[str] = Counter()

    def reckoned_until(self, since: datetime) -> datetime | None:
        """Until when nobody wrote down who is in the segment that starts it."""
        begins = self._past.begins if self._past is not None else None
        return begins if begins is not None and begins > since else None

    def stride(self, since: datetime, until: datetime) -> None:
        """Everything with `since < moment <= until`."""
        trigger = self._definition.trigger
        found = find_entries(self._source, self._journey_id, trigger, since, until, self._past)
        told = [*self._later, *(self._told(each) for each in found if self._is_ours(each))]
        self._later = [each for each in told if begin_of(each) > until]
        fresh = sorted((each for each in told if begin_of(each) <= until), key=in_order)
        moved = [each for each in fresh if each.entry_key in self._known.arrivals]
        fresh = [each for each in fresh if each.entry_key not in self._known.arrivals]
        waiting = in_their_segments(self._source, self._definition, fresh, self.refused)
        happened = find_happenings(self._source, [self._definition], since, until)
        for each in self._later:
            self._heard[each.entry_key] += happened.of(each.person_id, each.entry_key)
        concerned = self._concerned(happened.of_person, happened.of_cart)
        self._hear(concerned, happened.of_person, happened.of_cart)
        self._live_on(concerned | self._take_due(until), until)
        self._arrive(moved, happened, until)
        while waiting:
            waiting, entered = self._let_in(waiting, until)
            self._hear(set(entered), happened.of_person, happened.of_cart)
            self._live_on(set(entered) | self._take_due(until), until)

    def _is_ours(self, candidate: Candidate) -> bool:
        """Whether the entry was one of this version; one that was never lived counts as such."""
        key = candidate.entry_key
        if key in self._known.refused:
            self.refused[self._known.refused[key]] += 1
            return False
        lived = self._known.versions.get(key, self._version.version)
        is_here = lived == self._version.version or key in self._known.arrivals
        return key not in self.members and is_here

    def _told(self, candidate: Candidate) -> Candidate:
        arrival = self._known.arrivals.get(candidate.entry_key)
        if arrival is not None:
            return replace(candidate, lives_from=arrival.at)
        seen_at = self._known.seen_at.get(candidate.entry_key, candidate.at)
        return replace(candidate, lives_from=begins_at(candidate.at, seen_at, self._known.gaps))

    def _let_in(self, candidates: Sequence[Candidate], until: datetime) -> tuple[list[Candidate], list[str]]:
        stays = {each.person_id: found for each in candidates if (found := self._stays_before(each))}
        admitted = admit(self._definition, candidates, stays)
        self.refused.update(admitted.refused)
        self._begin(admitted.entering, until)
        return admitted.later, [each.entry_key for each in admitted.entering]

    def _stays_before(self, candidate: Candidate) -> list[Stay]:
        person, begins = candidate.person_id, begin_of(candidate)
        elsewhere = [stay for stay in self._known.elsewhere.get(person, ()) if stay.entered_at < begins]
        return [*elsewhere, *(self._stay(key) for key in self._stays.get(person, ()))]

    def _arrive(self, moved: Sequence[Candidate], happened: Happenings, until: datetime) -> None:
        """Members of other versions that were moved to this one; what happened before counts if it did then."""
        for each in moved:
            key, at = each.entry_key, begin_of(each)
            heard = [*self._heard.pop(key, ()), *happened.of(each.person_id, key)]
            counted = [one for one in heard if one.at > at or (key, one.kind, one.at) in self._known.effective_at]
            self._heard[key] = [self._as_known(key, one) for one in counted]
        self._begin(moved, until)
        self._live_on({each.entry_key for each in moved}, until)

    def _begin(self, entering: Sequence[Candidate], until: datetime) -> None:
        ids = {each.person_id for each in entering}
        people = read_people(self._source.desk.workspace, ids, dates_needed([self._definition])) if ids else {}
        trials = [trial.of_people(ids) for trial in self._known.trials]
        for each in entering:
            key, arrival = each.entry_key, self._known.arrivals.get(each.entry_key)
            state = arrival.state if arrival else enter(each.lives_from or each.at)
            held = is_held_out(self._definition.programme, each.person_id, self._definition.holdout.share)
            life = Life(self._definition, people[each.person_id], each.values, each.at, state, self._known.gaps,
                        () if held else trials)  # fmt: skip
            heard, moved_at = self._heard.pop(key, []), self._known.departures.get(key)
            passed = arrival.passed if arrival else frozenset()
            self.members[key] = Replayed(key, life, held, heard, moved_at, passed)
            self._stays[each.person_id].append(key)
            self._of_person[each.person_id].add(key)
            heapq.heappush(self._due, (life.next_at or until, key))

    def _stay(self, key: str) -> Stay:
        life = self.members[key].life
        return Stay(life.entered_at, None if life.state.status == WAITING else life.state.at)

    def _concerned(self, people: Mapping[int, Any], carts: Mapping[str, Any]) -> set[str]:
        found = {key for person in people for key in self._of_person.get(person, ())}
        return found | {key for key in carts if key in self.members}

    def _hear(
        self, keys: set[str], people: Mapping[int, list[Happening]], carts: Mapping[str, list[Happening]]
    ) -> None:
        """Give members what happened to them; what was known late counts from then on."""
        for key in keys:
            member = self.members[key]
            for each in [*people.get(member.life.person.person_id, ()), *carts.get(key, ())]:
                heard = self._as_known(key, each)
                member.pending.append(heard)
                if heard.at > each.at:
                    heapq.heappush(self._due, (heard.at, key))

    def _as_known(self, key: str, happening: Happening) -> Happening:
        """Something that happened, at the moment at which it counted for a member."""
        at = self._known.effective_at.get((key, happening.kind, happening.at), happening.at)
        return happening if at <= happening.at else happening._replace(at=at)

    def _take_due(self, until: datetime) -> set[str]:
        found = set()
        while self._due and self._due[0][0] <= until:
            found.add(heapq.heappop(self._due)[1])
        return found

    def _live_on(self, keys: set[str], until: datetime) -> None:
        crowd = []
        for key in sorted(keys):
            member = self.members[key]
            end = until if member.until is None else min(until, member.until)
            now = [each for each in member.pending if each.at <= end]
            member.pending = [each for each in member.pending if each.at > end]
            if member.life.state.status == WAITING:
                crowd.append(One(key, member.life, now, end))
        programme = self._definition.programme
        live_all(crowd, until, lambda asking: find_answers(self._source, programme, asking))
        for one in crowd:
            due_at, moved_at = one.life.next_at, self.members[one.entry_key].until
            if one.life.state.status != WAITING:
                self._of_person[one.life.person.person_id].discard(one.entry_key)
            elif due_at is not None and (moved_at is None or due_at <= moved_at):
                heapq.heappush(self._due, (due_at, one.entry_key))

    def rows(self) -> list[NewEntry]:
        """The rows of the ledger, in the order of time."""
        groups: dict[str, list[Sending]] = defaultdict(list)
        for key, member in self.members.items():
            life = member.life
            for effect in life.effects:
                if effect.step.do == "send" and effect.step.key not in member.passed:
                    groups[effect.step.key].append(
                        Sending(life.person.person_id, key, effect.at, member.is_holdout, life.values,
                                effect.variant)
                    )  # fmt: skip
        found: list[NewEntry] = []
        for name, sendings in groups.items():
            step = self._definition.step(name)
            assert isinstance(step, Send)  # noqa: S101 - it is an effect of such a step
            rows = prepare(self._source, self._version, step, sendings, self._needs(step)).rows
            found += without_shared(rows, step, {})
        return sorted(found, key=lambda row: (row.not_before or datetime.max, row.step, row.occurrence))

    def _needs(self, step: Send) -> Needs:
        """What its messages need; nothing when a journey that is not kept names a template that is not there yet."""
        try:
            return needs_of_step(self._source, self._version, step)
        except NotFoundError:
            if self._journey_id:
                raise
            return NO_NEEDS


class Difference(NamedTuple):
    """A row that is not the same in both: what it is in the replay and in the ledger; None where it is not."""

    step: str
    occurrence: str
    replayed: Mapping[str, Any] | None
    in_ledger: Mapping[str, Any] | None


def differences(source: Source, found: Replay) -> list[Difference]:
    """Rows of a replay that are not as in the ledger, of entries that both know and of those that one lacks."""
    table, definition = ledger_entries.c, found.version.definition
    query = sa.select(table.step, table.occurrence, *(table[name] for name in COMPARED)).where(
        table.programme == definition.programme, table.programme_version == found.version.version
    )
    with source.store.read() as connection:
        kept = {(row.pop("step"), row.pop("occurrence")): row for row in rows_of(connection, query)}
    made = {(row.step, row.occurrence): {name: getattr(row, name) for name in COMPARED} for row in found.rows}
    different = [key for key in sorted(made.keys() | kept.keys()) if made.get(key) != kept.get(key)]
    return [Difference(key[0], key[1], made.get(key), kept.get(key)) for key in different]
