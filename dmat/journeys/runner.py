"""Journeys that are live: who enters, who is due, what happened to whom; each look a few transactions of many members.

Belongs here: one look, cheap when nothing is due; a journey that fails does not stop the others. Stays out: what
becomes of a member (`machine.py`), who calls it and when (`dmat_pipelines/decide/journeys.py`).

What a look finds and does is written in one transaction for each batch of members: where they stand, their messages in
the ledger, what is taken back. Members that were changed meanwhile by somebody else are left to them. Killed anywhere,
the next look goes on: what was written is not done again, as a member moves on in the transaction of its messages, and
a message is known by (person, journey, version, step, entry).
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.permissions import bring_consent
from dmat.errors import DmatError
from dmat.experiments.in_journeys import Exposure, note_exposed, read_trials
from dmat.journeys.acting import leave_lists, sync_lists, write_actions
from dmat.journeys.admitting import admit, in_order, in_their_segments, takes_everybody
from dmat.journeys.answers import find_answers
from dmat.journeys.crowd import One, live_all, uncollected
from dmat.journeys.definition import Definition
from dmat.journeys.entries import Candidate, Source, find_entries
from dmat.journeys.happenings import Happenings, find_happenings
from dmat.journeys.living import Life
from dmat.journeys.machine import same
from dmat.journeys.members import (
    Member,
    count_passed,
    insert_members,
    insert_refused,
    known_keys,
    lock_unchanged,
    read_concerned,
    read_due,
    read_stays,
    steps_passed,
    write_states,
)
from dmat.journeys.merging import follow_merges
from dmat.journeys.on_site import show_on_site
from dmat.journeys.people import dates_needed, read_merges, read_people
from dmat.journeys.records import LIVE, Gaps, Journey, JourneyVersion, read_gaps, read_journeys, read_versions
from dmat.journeys.sending import (
    Prepared,
    Sending,
    earlier_of_addresses,
    needs_of_step,
    prepare,
    with_cart_lines,
    with_codes,
    without_shared,
)
from dmat.journeys.steps import Act, Audience, Send
from dmat.journeys.trials import Trial
from dmat.journeys.triggers import CartAbandoned, DateOf, Event, Segment
from dmat.journeys.withdrawing import withdraw_planned
from dmat.ledger.occurrences import plan_occurrences
from dmat.store.engine import chunks, upsert
from dmat.store.journey_tables import journey_gaps, journey_happenings, journeys

STOOD_STILL = timedelta(minutes=15)  # two looks farther apart leave a gap
TOLD_LATE = (CartAbandoned, DateOf, Event, Segment)  # by tables; the others are known the moment they happen
LATE = timedelta(hours=48)  # what is told later than that is not looked for any more
MEMBERS_AT_ONCE = 10_000
log = logging.getLogger("dmat.journeys")


@dataclass
class Look:
    """What one look at all journeys did."""

    entered: int = 0
    moved: int = 0
    planned: int = 0
    ended: int = 0
    withdrawn: int = 0
    carried: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How much was done."""
        return self.entered + self.moved + self.withdrawn + self.carried


@dataclass
class Batch:
    """Members that were lived on, to be written: the life of each, and what their sends need."""

    members: Sequence[Member]
    lives: Mapping[int, Life]
    prepared: Mapping[tuple[int, str], Prepared]


class JourneyRunner:
    """Runs the journeys of a workspace; a resident process keeps one and calls `look` again and again."""

    def __init__(self, source: Source) -> None:
        self.source, self.store, self.settings = source, source.store, source.settings
        self._looked: dict[tuple[int, int], datetime] = {}

    def look(self) -> Look:
        """Do what is due; twice does nothing twice.

        Raises:
            NotPublishedError: there are no tables yet.
        """
        found = Look()
        with self.store.read() as connection:
            live = read_journeys(connection, journeys.c.status == LIVE)
        for journey in live:
            try:
                _JourneyLook(self.source, journey, found, self._looked).run()
            except DmatError as error:  # the next look tries again; the others go on
                found.failed[journey.key] = str(error)
                log.warning("journey %s: %s", journey.key, error)
        return found


class _JourneyLook:
    """One look at one journey; `looked` is up to when entries of a version were looked for by looks before it."""

    def __init__(
        self, source: Source, journey: Journey, found: Look, looked: dict[tuple[int, int], datetime]
    ) -> None:  # fmt: skip
        self.looked = looked
        self.source, self.store, self.journey, self.found = source, source.store, journey, found
        self.now = source.settings.clock.now()
        self.data_version = source.desk.workspace.version.number
        with self.store.write() as connection:
            self.gaps = _note_look(connection, journey, self.now)
            self.trials = read_trials(connection, journey.key)
            self.versions = {each.version: each for each in read_versions(connection, journey.journey_id)}
        self.live = self.versions[journey.live_version or journey.version]
        self.definitions = {number: each.definition for number, each in self.versions.items()}

    def run(self) -> None:
        is_news = self.data_version != self.journey.data_version
        since = (self.journey.looked_until or self.now) - LATE
        if is_news:
            self._follow_merges(since)
        happened = Happenings()
        if is_news:
            happened = find_happenings(self.source, self.definitions.values(), since, self.now)
        self._live_on(happened)  # first: whoever ended meanwhile may come again
        waiting = self._candidates(self._entries_since(since, is_news), is_news)
        while waiting:
            waiting = self._let_in(waiting)
            self._live_on(happened)
        sync_lists(self.source, self.journey, self.live)
        with self.store.write() as connection:
            mine = journeys.c.journey_id == self.journey.journey_id
            values = {"looked_until": self.now, "data_version": self.data_version}
            connection.execute(sa.update(journeys).where(mine).values(values))
        self.looked[self.journey.journey_id, self.live.version] = self.now

    def _follow_merges(self, since: datetime) -> None:
        merged = read_merges(self.source.desk.workspace, since)
        if merged:
            with self.store.write() as connection:
                self.found.ended += follow_merges(connection, self.journey, self.live, merged, self.now)

    # -- entering --

    def _entries_since(self, since: datetime, is_news: bool) -> datetime:
        """How far back entries are looked for: far when news may tell of them late, or nobody looked before."""
        looked = self.looked.get((self.journey.journey_id, self.live.version))
        may_be_late = is_news and isinstance(self.live.definition.trigger, TOLD_LATE)
        return since if looked is None or may_be_late else max(since, looked - STOOD_STILL)

    def _candidates(self, since: datetime, is_news: bool) -> list[Candidate]:
        """Whom the trigger names and who is not in the journey by that entry yet."""
        if isinstance(self.live.definition.trigger, (Event, Segment)) and not is_news:
            return []
        return fresh_entries(self.source, self.journey, self.live, since, self.now, self.gaps, self.found.refused)

    def _let_in(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Let one entry of each person in; gives those that wait for the next round."""
        if not candidates:
            return []
        journey_id, definition = self.journey.journey_id, self.live.definition
        with self.store.write() as connection:
            people = set() if takes_everybody(definition) else {each.person_id for each in candidates}
            stays = read_stays(connection, journey_id, people)
            admitted = admit(definition, candidates, stays)
            self.found.refused.update(admitted.refused)
            where = (connection, journey_id, self.live.version, definition)
            insert_refused(*where, admitted.kept_out, self.now)
            self.found.entered += insert_members(*where, admitted.entering, self.now)
        return admitted.later

    # -- living on --

    def _live_on(self, happened: Happenings) -> None:
        """Everybody to whom something happened, then everybody who is due, batch by batch."""
        with uncollected():
            self._live_batches(happened)

    def _live_batches(self, happened: Happenings) -> None:
        journey_id = self.journey.journey_id
        if len(happened):
            with self.store.read() as connection:
                concerned = read_concerned(connection, journey_id, happened.of_person, happened.of_cart)
            for members in chunks(concerned, MEMBERS_AT_ONCE):
                self._write(self._lived(members, happened))
        last: set[int] = set()
        while True:
            with self.store.read() as connection:
                due = read_due(connection, journey_id, self.now, MEMBERS_AT_ONCE)
            numbers = {member.member_id for member in due}
            if not due or numbers == last:
                return
            self._write(self._lived(due, happened))
            last = numbers

    def _lived(self, members: Sequence[Member], happened: Happenings) -> Batch:
        members = [member for member in members if member.version in self.versions]  # a newer one: in the next look
        lives = lives_of(self.source, self.definitions, members, self.gaps, self.trials)
        crowd = [
            One(member.entry_key, lives[member.member_id], happened.of(member.person_id, member.entry_key))
            for member in members
        ]
        live_all(crowd, self.now, lambda asking: find_answers(self.source, self.journey.programme, asking))
        changed = [member for member in members if lives[member.member_id].state != member.state]
        return Batch(changed, lives, self._prepared(changed, lives))

    def _prepared(self, members: Sequence[Member], lives: Mapping[int, Life]) -> dict[tuple[int, str], Prepared]:
        """The rows of the ledger, step by step, with the consent that the gate will ask about."""
        groups: dict[tuple[int, str], list[Sending]] = defaultdict(list)
        for member in members:
            passed = steps_passed(member.path) if member.path else ()  # of a version that it was on before
            life = lives[member.member_id]
            for effect in life.effects:
                if effect.step.do == "send" and effect.step.key not in passed:
                    groups[(member.version, effect.step.key)].append(
                        Sending(member.person_id, member.entry_key, effect.at, member.is_holdout, life.values,
                                effect.variant)
                    )  # fmt: skip
        found = {}
        for (version, key), sendings in groups.items():
            step = self.definitions[version].step(key)
            assert isinstance(step, Send)  # noqa: S101 - it is an effect of such a step
            people = np.unique(np.fromiter((each.person_id for each in sendings), np.int64, len(sendings)))
            bring_consent(self.store, self.source.desk.workspace, people, step.channel, self.now)
            needs = needs_of_step(self.source, self.versions[version], step)
            prepared = prepare(self.source, self.versions[version], step, sendings, needs)
            found[(version, key)] = prepared._replace(rows=with_cart_lines(self.source, prepared.rows))
            if step.channel == "in_app":
                show_on_site(self.source, self.live, step, prepared.rows, self.now)
        return found

    def _write(self, batch: Batch) -> None:
        """One transaction: whoever was changed meanwhile is left out, with all that is theirs."""
        if not batch.members:
            return
        with self.store.write() as connection:
            mine = lock_unchanged(connection, batch.members)
            members = [member for member in batch.members if member.member_id in mine]
            self._plan(connection, batch, {(member.person_id, member.entry_key) for member in members})
            self._withdraw(connection, members, batch.lives)
            self._act(connection, members, batch.lives)
            note_exposed(connection, self.journey.key, _exposures(members, batch.lives))
            _write_lives(connection, self.journey.journey_id, members, batch.lives)
        self.found.moved += len(members)
        self.found.ended += sum(batch.lives[member.member_id].state.due_at is None for member in members)

    def _plan(self, connection: Connection, batch: Batch, mine: set[tuple[int, str]]) -> None:
        for (version, key), prepared in batch.prepared.items():
            step = self.definitions[version].step(key)
            rows = [row for row in prepared.rows if (row.person_id, row.occurrence) in mine]
            if rows and isinstance(step, Send):
                earlier = earlier_of_addresses(connection, self.journey.programme, step, rows)
                rows = with_codes(connection, step, prepared, without_shared(rows, step, earlier), self.now)
                self.found.planned += plan_occurrences(connection, rows, self.now)

    def _withdraw(self, connection: Connection, members: Sequence[Member], lives: Mapping[int, Life]) -> None:
        """Take back what is planned of members that left early."""
        left = {m.entry_key: lives[m.member_id].state.why for m in members if lives[m.member_id].withdrawn_at}
        self.found.withdrawn += withdraw_planned(connection, self.journey.programme, left, self.now)
        leave_lists(connection, [m.member_id for m in members if lives[m.member_id].withdrawn_at])

    def _act(self, connection: Connection, members: Sequence[Member], lives: Mapping[int, Life]) -> None:
        """What others are asked to do; nothing is done for people who are held out."""
        wanted = [
            (member, step, at)
            for member in members if not member.is_holdout for step, at in _acts(lives[member.member_id])
        ]  # fmt: skip
        if wanted:
            write_actions(connection, self.journey, wanted, self.now)


def fresh_entries(
    source: Source, journey: Journey, live: JourneyVersion, since: datetime, now: datetime, gaps: Gaps,
    refused: Counter[str],
) -> list[Candidate]:  # fmt: skip
    """Whom the trigger names since a moment and whose entry is not known yet; late ones begin when they are known."""
    begins = max(since, journey.started_at or now)
    found = find_entries(source, journey.journey_id, live.definition.trigger, begins, now)
    with source.store.read() as connection:
        known = known_keys(connection, journey.journey_id, [each.entry_key for each in found])
    told = (
        replace(each, lives_from=begins_at(each.at, now, gaps)) for each in found if each.entry_key not in known
    )  # fmt: skip
    return in_their_segments(source, live.definition, sorted(told, key=in_order), refused)


def lives_of(
    source: Source, definitions: Mapping[int, Definition], members: Sequence[Member], gaps: Gaps,
    trials: Sequence[Trial],
) -> dict[int, Life]:  # fmt: skip
    """The life of each member up to where it stands, by number."""
    people = {member.person_id for member in members}
    known = read_people(source.desk.workspace, people, dates_needed(definitions.values()))
    trials = [trial.of_people(people) for trial in trials]
    lift = gaps if gaps.all else same
    return {
        member.member_id: Life(
            definitions[member.version], known[member.person_id], member.values, member.entered_at, member.state, lift,
            () if member.is_holdout else trials,
        )
        for member in members
    }  # fmt: skip


def _acts(life: Life) -> list[tuple[Act | Audience, datetime]]:
    """What others are asked to do for a member; messages are most of its effects, and are not asked for their class."""
    others = (effect for effect in life.effects if effect.step.do != "send")
    return [(each.step, each.at) for each in others if isinstance(each.step, (Act, Audience))]


def _exposures(members: Sequence[Member], lives: Mapping[int, Life]) -> list[Exposure]:
    """Who came into an experiment."""
    return [
        Exposure(effect.exposed_to, member.person_id, effect.variant, effect.at)
        for member in members for effect in lives[member.member_id].effects if effect.exposed_to
    ]  # fmt: skip


def begins_at(entered_at: datetime, seen_at: datetime, gaps: Gaps) -> datetime:
    """When the first step of an entry is due: at once, when the journey goes on, or when it was known, if late."""
    lifted = gaps(entered_at)
    is_late = lifted == entered_at and seen_at - entered_at > STOOD_STILL
    return seen_at if is_late else lifted


def _note_look(connection: Connection, journey: Journey, now: datetime) -> Gaps:
    """Write down that nobody looked for a while; gives all such spans."""
    before = journey.looked_until
    if before is not None and now - before > STOOD_STILL:
        row = {"journey_id": journey.journey_id, "from_at": before, "until_at": now, "reason": "nobody looked"}
        statement = upsert(connection, journey_gaps).values(row)
        keys = ["journey_id", "from_at"]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={"until_at": now}))
        mine = journeys.c.journey_id == journey.journey_id
        connection.execute(sa.update(journeys).where(mine).values(looked_until=now))
    return read_gaps(connection, journey.journey_id)


def _write_lives(connection: Connection, journey_id: int, members: Sequence[Member], lives: Mapping[int, Life]) -> None:
    passed: list[tuple[int, str]] = []
    states, rows = [], []
    for member in members:
        life = lives[member.member_id]
        passed += [(member.version, step) for step, _ in life.passed]
        trail = " ".join([f"{step}@{at.isoformat()[:19]}" for step, at in life.passed])  # to the second
        states.append((member.member_id, life.state, f"{member.path} {trail}".strip()))
        rows += [
            {"member_id": member.member_id, "kind": happening.kind, "occurred_at": happening.at, "effective_at": at}
            for happening, at in life.applied
        ]
    write_states(connection, states)
    count_passed(connection, journey_id, Counter(passed))
    for batch in chunks(rows):
        connection.execute(upsert(connection, journey_happenings).on_conflict_do_nothing(), batch)
