"""What goes on, and what would be sent, when a journey that stands still goes on: the next look, tried out.

Belongs here: trying it out by the same code, and these lines in words. Stays out: going on (`library.py`, `runner.py`).

Nothing is written and nothing is sent. What the gate would say is asked in the simplified form of the replay, with the
messages of the last week counted for the cap.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.holdout import is_held_out
from dmat.experiments.in_journeys import read_trials
from dmat.journeys.admitting import Stay, admit
from dmat.journeys.answers import find_answers
from dmat.journeys.crowd import One, live_all
from dmat.journeys.definition import Definition
from dmat.journeys.entries import Candidate, Source
from dmat.journeys.happenings import find_happenings
from dmat.journeys.living import Life
from dmat.journeys.machine import WAITING, enter
from dmat.journeys.members import Member, read_concerned, read_due, read_stays, steps_passed
from dmat.journeys.people import dates_needed, read_people
from dmat.journeys.records import Gap, Gaps, Journey, JourneyVersion, find_journey, read_gaps, read_versions
from dmat.journeys.replay import Replay, Replayed
from dmat.journeys.replay_report import ReplayReport, ask_gate
from dmat.journeys.runner import LATE, STOOD_STILL, fresh_entries, lives_of
from dmat.journeys.sending import Sending, earlier_of_addresses, needs_of_step, prepare, without_shared
from dmat.journeys.steps import Act, Audience, Send
from dmat.journeys.trials import Trial
from dmat.ledger.entries import PLANNED
from dmat.ledger.post import NewEntry
from dmat.store.engine import chunks
from dmat.store.journey_tables import journey_members
from dmat.store.sets import among
from dmat.store.tables import ledger_entries

A_WEEK = timedelta(days=7)


@dataclass
class OnResume:
    """What would happen at once if a journey went on now.

    Attributes:
        planned: messages that were planned before and leave as soon as the gate lets them, by step.
        over: planned ones whose time is over: they never leave.
        taken_back: planned ones whose member leaves the journey, as something ended it meanwhile.
        due: members whose wait ended meanwhile; `looked_at` is how many of them the figures below are about.
        entering: people who would enter; refused: those who would not, by reason.
        leaving: members whom something that happened meanwhile takes out.
        messages: new messages that would leave, by step; held_out: those of people who are held out.
        actions: what others would be asked to do, by step.
        stopped: new messages that would not leave, by reason; quiet, capped: those that would wait.
        cost_micros: of the new SMS.
    """

    at: datetime
    planned: Counter[str] = field(default_factory=Counter)
    over: Counter[str] = field(default_factory=Counter)
    taken_back: Counter[str] = field(default_factory=Counter)
    due: int = 0
    looked_at: int = 0
    entering: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    leaving: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    held_out: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    quiet: int = 0
    capped: int = 0
    cost_micros: int = 0
    cost_currency: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether everybody who is due was looked at."""
        return self.looked_at >= self.due

    @property
    def message_count(self) -> int:
        """Messages that would leave, planned before or new."""
        return self.planned.total() + self.messages.total()

    def lines(self) -> list[str]:
        """The same in words."""
        found = [f"{self.message_count:,} messages would leave"]
        found += [f"  {count:,} x {step}, planned before" for step, count in self.planned.most_common()]
        found += [f"  {count:,} x {step}" for step, count in self.messages.most_common()]
        found += [f"  {count:,} x {step} never leave: their time is over" for step, count in self.over.most_common()]
        found += [f"  {count:,} x {step} are taken back" for step, count in self.taken_back.most_common()]
        found += [f"  {count:,} would not be sent: {why}" for why, count in self.stopped.most_common()]
        found.append(
            f"{self.due:,} members go on, {self.leaving:,} leave, {self.entering:,} people enter,"
            f" {self.held_out:,} messages are held out"
        )
        found += [f"  {count:,} x {step} asked of others" for step, count in self.actions.most_common()]
        if self.quiet or self.capped:
            found.append(f"{self.quiet:,} would wait for quiet hours, {self.capped:,} for the weekly cap")
        if self.cost_micros:
            found.append(f"SMS: {self.cost_micros / 1_000_000:,.2f} {self.cost_currency}")
        if not self.is_whole:
            found.append(f"these figures are about the first {self.looked_at:,} of those who are due")
        return found


def will_be_sent_on_resume(source: Source, key: str | int, limit: int = 20_000) -> OnResume:
    """What would happen at once if a journey went on now; of one that is live, what the next look does.

    Args:
        source: the workspace.
        key: of the journey, or its number.
        limit: how many due members are tried out at most.

    Raises:
        NotFoundError: there is no such journey. NotPublishedError: there are no tables yet.
    """
    with source.store.read() as connection:
        journey = find_journey(connection, key)
        trial = _Trial(source, journey, read_versions(connection, journey.journey_id),
                       _gaps(connection, journey, source.settings.clock.now()),
                       read_trials(connection, journey.key))  # fmt: skip
    found = OnResume(trial.now)
    if journey.live_version is not None:
        trial.try_out(found, limit)
    return found


def _gaps(connection: Connection, journey: Journey, now: datetime) -> Gaps:
    """The spans in which it stood still, with the one that would end now."""
    known, before = read_gaps(connection, journey.journey_id), journey.looked_until
    if before is None or now - before <= STOOD_STILL:
        return known
    return Gaps([*known.all, Gap(before, now, "stands still")])


class _Trial:
    """The next look at one journey, tried out."""

    def __init__(
        self, source: Source, journey: Journey, versions: Sequence[JourneyVersion], gaps: Gaps,
        trials: Sequence[Trial],
    ) -> None:  # fmt: skip
        self.source, self.journey, self.gaps, self.trials = source, journey, gaps, trials
        self.now = source.settings.clock.now()
        self.versions = {each.version: each for each in versions}
        self.definitions: Mapping[int, Definition] = {each.version: each.definition for each in versions}
        self.live = self.versions[journey.live_version or journey.version]
        self.lives: dict[str, tuple[int, Life, bool, frozenset[str]]] = {}

    def try_out(self, found: OnResume, limit: int) -> None:
        since = (self.journey.looked_until or self.now) - LATE
        happened = find_happenings(self.source, self.definitions.values(), since, self.now)
        journey_id = self.journey.journey_id
        with self.source.store.read() as connection:
            concerned = read_concerned(connection, journey_id, happened.of_person, happened.of_cart)
            due = read_due(connection, journey_id, self.now, limit)
            found.due, found.looked_at = _count_due(connection, journey_id, self.now), len(due)
        members = {member.member_id: member for member in [*concerned, *due]}
        crowd = self._go_on(list(members.values()))
        crowd += self._enter(fresh_entries(
            self.source, self.journey, self.live, since, self.now, self.gaps, found.refused
        ), found)  # fmt: skip
        heard = [one._replace(happenings=happened.of(one.life.person.person_id, one.entry_key)) for one in crowd]
        live_all(heard, self.now, lambda asking: find_answers(self.source, self.journey.programme, asking))
        self._count(found)

    def _go_on(self, members: Sequence[Member]) -> list[One]:
        lives = lives_of(self.source, self.definitions, members, self.gaps, self.trials)
        for each in members:
            passed = frozenset(steps_passed(each.path))
            self.lives[each.entry_key] = (each.version, lives[each.member_id], each.is_holdout, passed)
        return [One(each.entry_key, lives[each.member_id], ()) for each in members]

    def _enter(self, candidates: Sequence[Candidate], found: OnResume) -> list[One]:
        definition, people = self.live.definition, {each.person_id for each in candidates}
        if not candidates:
            return []
        with self.source.store.read() as connection:
            stays: Mapping[int, Sequence[Stay]] = read_stays(connection, self.journey.journey_id, people)
        admitted = admit(definition, candidates, stays)
        found.refused.update(admitted.refused)
        found.entering = len(admitted.entering)
        known = read_people(self.source.desk.workspace, people, dates_needed([definition]))
        crowd = []
        for each in admitted.entering:
            held = is_held_out(definition.programme, each.person_id, definition.holdout.share)
            state, trials = enter(each.lives_from or each.at), () if held else self.trials
            life = Life(definition, known[each.person_id], each.values, each.at, state, self.gaps, trials)
            self.lives[each.entry_key] = (self.live.version, life, held, frozenset())
            crowd.append(One(each.entry_key, life, ()))
        return crowd

    # -- what it comes to --

    def _count(self, found: OnResume) -> None:
        withdrawn = {key for key, (_, life, _, _) in self.lives.items() if life.withdrawn_at is not None}
        found.leaving = len(withdrawn)
        self._count_planned(found, withdrawn)
        groups: dict[tuple[int, str], list[Sending]] = defaultdict(list)
        for key, (version, life, held, passed) in self.lives.items():
            for effect in life.effects:
                if effect.step.do == "send" and effect.step.key not in passed:
                    groups[version, effect.step.key].append(
                        Sending(life.person.person_id, key, effect.at, held, life.values, effect.variant)
                    )
                elif isinstance(effect.step, (Act, Audience)) and not held:
                    found.actions[effect.step.key] += 1
        rows = [row for (version, step), sendings in groups.items() for row in self._rows(version, step, sendings)]
        self._ask(found, sorted(rows, key=lambda row: (row.not_before or self.now, row.step, row.occurrence)))

    def _rows(self, version: int, key: str, sendings: Sequence[Sending]) -> Iterable[NewEntry]:
        step = self.definitions[version].step(key)
        assert isinstance(step, Send)  # noqa: S101 - it is an effect of such a step
        asked = self.versions[version]
        rows = prepare(self.source, asked, step, sendings, needs_of_step(self.source, asked, step)).rows
        with self.source.store.read() as connection:
            return without_shared(rows, step, earlier_of_addresses(connection, self.journey.programme, step, rows))

    def _count_planned(self, found: OnResume, withdrawn: set[str]) -> None:
        table = ledger_entries.c
        query = sa.select(table.step, table.occurrence, table.expires_at).where(
            table.programme == self.journey.programme, table.state == PLANNED, table.is_holdout.is_(False)
        )
        with self.source.store.read() as connection:
            for row in connection.execute(query):
                is_over = row.expires_at is not None and row.expires_at <= self.now
                kind = found.over if is_over else found.taken_back if row.occurrence in withdrawn else found.planned
                kind[row.step] += 1

    def _ask(self, found: OnResume, rows: Sequence[NewEntry]) -> None:
        members = {key: Replayed(key, life, held) for key, (_, life, held, _) in self.lives.items()}
        tried = Replay(self.live, self.now, self.now, members, list(rows), Counter())
        report = ReplayReport(0, Counter(), 0)
        before = _sent_before(self.source, {row.person_id for row in rows}, self.now - A_WEEK)
        ask_gate(self.source, tried, report, before)
        found.held_out = sum(row.is_holdout for row in rows)
        found.messages, found.stopped = report.by_step, report.stopped
        found.quiet, found.capped = report.quiet, report.capped
        found.cost_micros, found.cost_currency = report.cost_micros, report.cost_currency


def _count_due(connection: Connection, journey_id: int, now: datetime) -> int:
    table = journey_members.c
    query = sa.select(sa.func.count()).where(
        table.journey_id == journey_id, table.status == WAITING, table.due_at <= now
    )  # fmt: skip
    return int(connection.execute(query).scalar_one())


def _sent_before(source: Source, people: Iterable[int], since: datetime) -> dict[int, list[datetime]]:
    """The moments of messages that people got since a moment, the earliest first."""
    table, found = ledger_entries.c, defaultdict[int, list[datetime]](list)
    with source.store.read() as connection:
        for batch in chunks(sorted(people), 5_000):
            query = sa.select(table.person_id, table.accepted_at).where(
                among(connection, table.person_id, batch), table.accepted_at > since, table.purpose != "transactional"
            )
            for row in connection.execute(query.order_by(table.accepted_at)):
                found[row.person_id].append(row.accepted_at)
    return found
