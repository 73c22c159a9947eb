"""The machine: (where a member stands, what happened, when) -> (where it stands then, what is to be done). Pure.

Belongs here: moving one member on, without a clock, a database or a network; the same code lives and replays. Stays
out: who is due (`book.py`), answers to questions (`answers.py`), doing what is to be done (`runner.py`).

Time is logical: a member lives at the moments at which its waits end and things happen, not at those at which somebody
looks. So it does not matter how often that is, and what was lived through can be lived through again:

- a wait ends at its due moment, also when it is looked at a minute later;
- something that happened before the moment up to which a member lived (it was told late) counts as of that moment;
- something that happened before the entry, or after the end, changes nothing; a wait is ended only by what happened
  since it began;
- of a wait that ends and something that happens at the same moment, the wait comes first.

A question whose answer is not known yet stops the machine (`lacking`); with the answer it goes on from there. Steps
lead forward only, so each is passed at most once for each entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dmat.campaigns.pace import find_zone
from dmat.journeys.conditions import AllOf, AnyOf, Not, Of, Question
from dmat.journeys.definition import CART_ORDERED, Definition
from dmat.journeys.steps import END, Arm, Branch, Split, Step, Wait, WaitEvent
from dmat.journeys.trials import Trial, tried_way

WAITING, COMPLETED, EXITED = "waiting", "completed", "exited"
NOT_KNOWN = "the person is not known any more"
NO_SUCH_DATE = "the person has no such date"
_A_DAY = timedelta(days=1)


class State(NamedTuple):
    """Where a member stands.

    Attributes:
        step: key of the step; "" before the first one.
        at: the logical moment up to which it has lived (UTC).
        due_at: when its wait ends; None when it has ended.
        status: waiting, completed or exited.
        why: what it waits for, or why it ended, in words.
        reached_goal_at: when it passed a goal.
        variant: its arm in the experiment that it came into last; what messages of it carry.
    """

    step: str
    at: datetime
    due_at: datetime | None
    status: str = WAITING
    why: str = ""
    reached_goal_at: datetime | None = None
    variant: str = ""


class Person(NamedTuple):
    """What the machine knows of who the member is."""

    person_id: int
    zone: str = ""
    dates: Mapping[str, date | datetime] = {}
    is_known: bool = True


class Happening(NamedTuple):
    """Something that happened to a member: an event of the catalogue, its cart was ordered, it left a segment."""

    kind: str
    at: datetime
    values: Mapping[str, Any] = {}


class Effect(NamedTuple):
    """Something to be done: the step says what, `at` when (logical), `variant` in which arm of an experiment.

    Of a split it is to be written down that the member came into the experiment `exposed_to`.
    """

    step: Step
    at: datetime
    variant: str = ""
    exposed_to: int = 0


class Asked(NamedTuple):
    """A question about a member at a moment."""

    question: Question
    at: datetime


class Moved(NamedTuple):
    """What became of a member.

    Attributes:
        is_withdrawn: take back what is planned and has not left.
        lacking: a question that must be answered first; state and effects are those up to there.
        passed: keys of the steps that were passed, in order, each with its moment.
    """

    state: State
    effects: tuple[Effect, ...] = ()
    is_withdrawn: bool = False
    lacking: Asked | None = None
    passed: tuple[tuple[str, datetime], ...] = ()


Answers = Mapping[Asked, bool]
Lift = Callable[[datetime], datetime]


def same(moment: datetime) -> datetime:
    """The moment at which a wait ends, when nothing stood still."""
    return moment


def enter(at: datetime) -> State:
    """A member that enters: it stands before the first step."""
    return State("", at, at, why="enters")


def advance(
    definition: Definition, state: State, person: Person, values: Mapping[str, Any], answers: Answers,
    lift: Lift = same, trials: Sequence[Trial] = (),
) -> Moved:  # fmt: skip
    """Live a due member on until it waits, ends, or lacks an answer.

    Args:
        definition: the version that the member is on.
        state: where it stands; it must be due.
        person: who it is.
        values: what the trigger gave.
        answers: what is known of questions about it.
        lift: the moment at which a wait ends that would have ended while the journey stood still.
        trials: experiments on its splits, the newest first.
    """
    if state.status != WAITING or state.due_at is None:
        return Moved(state)
    at = max(state.at, lift(state.due_at))
    if not person.is_known:
        return Moved(_ended(state._replace(at=at), EXITED, NOT_KNOWN), is_withdrawn=True)
    return _Walk(definition, person, values, answers, trials, state._replace(at=at)).go()


def happen(definition: Definition, state: State, happening: Happening, entered_at: datetime) -> Moved | None:
    """What something that happened does to a member; None: nothing.

    The caller lives the member through everything that is due up to then first, and on afterwards when it is due.
    """
    if state.status != WAITING or happening.at <= entered_at:
        return None
    at = max(state.at, happening.at)
    for rule in definition.exit_when:
        if rule.left_segment:
            is_it = happening.kind == f"left:{rule.left_segment}"
        else:
            is_it = rule.watched is not None and fits(rule.watched, happening)
        if is_it:
            return Moved(_ended(state._replace(at=at), EXITED, rule.words), is_withdrawn=True)
    step = definition.step(state.step)
    is_while_waiting = happening.at >= state.at  # what happened before the wait began does not end it
    if isinstance(step, Wait) and step.until_event and is_while_waiting and fits(step.until_event, happening):
        return Moved(state._replace(step=f"{step.key}!", at=at, due_at=at, why=f"{step.until_event.words} happened"))
    return None


def fits(wanted: WaitEvent, happening: Happening) -> bool:
    """Whether something that happened is what is waited for."""
    if wanted.event != happening.kind:
        return False
    return all(where.holds(happening.values.get(where.name)) for where in wanted.where)


class _Walk:
    """One walk of one member over steps, all of it at one moment."""

    def __init__(
        self, definition: Definition, person: Person, values: Mapping[str, Any], answers: Answers,
        trials: Sequence[Trial], state: State,
    ) -> None:  # fmt: skip
        self._definition, self._person, self._values = definition, person, values
        self._answers, self._trials, self._state, self._at = answers, trials, state, state.at
        self._place, self._variant, self._goal_at = state.step, state.variant, state.reached_goal_at
        self._effects: list[Effect] = []
        self._passed: list[tuple[str, datetime]] = []

    def go(self) -> Moved:
        by_key = self._definition.by_key
        key = self._after()
        while key != END:
            stopped = self._take(by_key[key])
            if stopped is not None:
                return stopped
            key = self._after()
        return self._moved(_ended(self._standing(), COMPLETED, "the last step is done"))

    def _after(self) -> str:
        """The step at which a due member goes on."""
        return self._place.partition(">")[2] or self._definition.after[self._place]

    def _take(self, step: Step) -> Moved | None:
        """Do a step; None when the member goes on.

        By what a step does and not by its class: asking whether a model is of another class is slow.
        """
        if step.do == "branch":
            return self._choose(step)
        self._passed.append((step.key, self._at))
        self._place = step.key
        if step.do == "wait":
            return self._wait(step)
        if step.do == "exit":
            return self._moved(_ended(self._standing(), EXITED, step.reason or "the journey ends here"))
        if step.do == "goal":
            self._goal_at = self._goal_at or self._at
        elif step.do == "split":
            self._divide(step)
        else:
            self._effects.append(Effect(step, self._at, self._variant))
        return None

    def _standing(self, due_at: datetime | None = None, why: str = "") -> State:
        """The member where the walk is."""
        before = self._state
        return State(
            self._place, self._at, due_at or before.due_at, before.status, why or before.why, self._goal_at,
            self._variant,
        )  # fmt: skip

    def _wait(self, step: Wait) -> Moved | None:
        """The member waiting; None when there is nothing to wait for."""
        until = due_after(step, self._at, self._person)
        if until is None:
            return self._moved(_ended(self._standing(), EXITED, NO_SUCH_DATE))
        return self._moved(self._standing(until, step.words)) if until > self._at else None

    def _divide(self, step: Split) -> None:
        """The way behind a split: by an experiment, else by the split's own shares."""
        person_id = self._person.person_id
        tried = tried_way(self._trials, step, person_id, self._at)
        if tried is None:
            self._place = f"{step.key}>{arm_of(self._definition, step, person_id).go}"
            return
        if tried.exposed_to:
            self._effects.append(Effect(step, self._at, tried.variant, tried.exposed_to))
            self._variant = tried.variant
        self._variant = self._variant or tried.variant
        self._place = f"{step.key}>{next(arm.go for arm in step.arms if arm.key == tried.arm)}"

    def _choose(self, step: Branch) -> Moved | None:
        """The way behind a branch; the member before it when an answer is lacking."""
        chosen = step.otherwise or self._definition.below[step.key]
        for case in step.cases:
            found = self._holds(case.when, self._at)
            if isinstance(found, Asked):
                return self._moved(self._standing(self._at), found)
            if found:
                chosen = case.go
                break
        self._passed.append((step.key, self._at))
        self._place = f"{step.key}>{chosen}"
        return None

    def _holds(self, condition: Any, at: datetime) -> bool | Asked:
        """Whether a condition holds, or the first question whose answer it needs."""
        if isinstance(condition, Not):
            found = self._holds(condition.of, at)
            return found if isinstance(found, Asked) else not found
        if isinstance(condition, (AllOf, AnyOf)):
            decisive = isinstance(condition, AnyOf)
            for part in condition.of:
                found = self._holds(part, at)
                if isinstance(found, Asked) or found is decisive:
                    return found
            return not decisive
        if isinstance(condition, Of):
            return bool(condition.is_.holds(self._values.get(condition.is_.name)))
        asked = Asked(condition, at)
        answer = self._answers.get(asked)
        return asked if answer is None else answer

    def _moved(self, state: State, lacking: Asked | None = None) -> Moved:
        return Moved(state, tuple(self._effects), False, lacking, tuple(self._passed))


def _ended(state: State, status: str, why: str) -> State:
    step = state.step.partition(">")[0].removesuffix("!")
    return state._replace(step=step, status=status, due_at=None, why=why)


def due_after(step: Wait, at: datetime, person: Person) -> datetime | None:
    """When a wait that begins at `at` ends (UTC); None when the person has no such date."""
    end = at + step.span if step.span else at
    if not step.until_date and not step.until_time:
        return end
    zone = find_zone(person.zone)
    if step.until_date:
        found = person.dates.get(step.until_date)
        return None if found is None else next_date(found, step.until_time or "09:00", zone, at)
    return next_time(end, step.until_time, step.weekday, zone) if step.until_time else end


def next_time(after: datetime, clock: str, weekday: int | None, zone: ZoneInfo) -> datetime:
    """The first moment from `after` on (UTC) at which it is so late in the zone, on that weekday (1 is Monday).

    A time that a change of the clocks leaves out is taken an hour later; of one that comes twice the first counts.
    """
    wanted = time.fromisoformat(clock)
    day = after.replace(tzinfo=UTC).astimezone(zone).date() - _A_DAY
    for _ in range(9):
        if weekday is None or day.isoweekday() == weekday:
            moment = local_moment(day, wanted, zone)
            if moment >= after:
                return moment
        day += _A_DAY
    raise AssertionError("every weekday comes within nine days")


def local_moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """A local day and time as UTC."""
    return datetime.combine(day, clock, zone).astimezone(UTC).replace(tzinfo=None)


def next_date(anniversary: date | datetime, clock: str, zone: ZoneInfo, after: datetime) -> datetime:
    """The first moment after `after` (UTC) at which a date comes round; 29 February is the 28th in other years."""
    year = after.replace(tzinfo=UTC).astimezone(zone).year
    for candidate in range(year, year + 3):
        moment = local_moment(in_year(anniversary, candidate), time.fromisoformat(clock), zone)
        if moment > after:
            return moment
    raise AssertionError("a date comes round every year")


def in_year(anniversary: date | datetime, year: int) -> date:
    """The day of an anniversary in a year."""
    is_leap_day = (anniversary.month, anniversary.day) == (2, 29)
    try:
        return date(year, anniversary.month, anniversary.day)
    except ValueError:
        assert is_leap_day  # noqa: S101 - no other day is missing in a year
        return date(year, 2, 28)


def arm_of(definition: Definition, step: Split, person_id: int) -> Arm:
    """The arm of a person: the first 64 bits of a salted SHA-256, as hold-outs are chosen."""
    salt = step.salt or f"{definition.programme}:{step.key}"
    digest = hashlib.sha256(f"{salt}:{person_id}".encode()).digest()
    place, upto = int.from_bytes(digest[:8], "big"), 0.0
    for arm in step.arms[:-1]:
        upto += arm.share
        if place < upto * 2**64:
            return arm
    return step.arms[-1]


def watches(definition: Definition) -> tuple[WaitEvent, ...]:
    """What the machine wants to hear of, besides carts that were ordered and segments that were left."""
    return tuple(each for each in definition.watched if each.event != CART_ORDERED)
